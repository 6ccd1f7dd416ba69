@_exported public import IsomerBytes
@_exported public import IsomerTensors
