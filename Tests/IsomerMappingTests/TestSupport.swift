// For all tests of this module: temporary folders, fixtures, thrown errors.
@_exported import IsomerTestSupport
