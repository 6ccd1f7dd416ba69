public import IsomerBytes

/// The error that `body` throws.
public func error(of body: () throws -> Void) -> IsomerError? {
    do {
        try body()
        return nil
    } catch {
        return error as? IsomerError
    }
}
