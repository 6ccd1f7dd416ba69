import IsomerArchitectures
public import IsomerBytes
public import IsomerMapping
public import IsomerTensors

/// From one tool's names of an adapter to another's.
///
/// Tensors keep their bits wherever the other naming has the same modules. Where it joins several, the first factors follow one another and the
/// second ones stand in blocks; where it parts one, blocks come apart again and nothing's rank grows.
public struct AdapterConversion: Sendable {
    /// The names to give.
    public var naming: AdapterNaming
    public var container: Container
    /// The type that floating tensors get.
    public var scalarType: ScalarType?
    /// Whether alpha is multiplied into the second factor, so that it means the same as the rank.
    public var foldsAlpha = false
    /// Modules without a place in the model, and tensors that nothing explains, that may be left out.
    public var allowedUnknown: [NamePattern] = []
    /// Text to add.
    public var metadata: FileMetadata = [:]

    public init(to naming: AdapterNaming, _ container: Container) {
        self.naming = naming
        self.container = container
    }

    /// Plans the conversion of `adapter`. Reads the second factors of modules that are to be parted, nothing else.
    public func plan(_ adapter: Adapter) throws(IsomerError) -> ConversionPlan {
        let left = try adapter.refuseMisfits(allowedUnknown)
        var layout = AdapterLayoutPlan(self, adapter)
        for (number, module) in adapter.modules.enumerated() where !left.contains(number) {
            do throws(IsomerError) {
                try layout.add(number, module)
            } catch {
                throw error.about(module.stem).inFile(adapter.path)
            }
        }
        do throws(IsomerError) { try layout.joinPending() } catch { throw error.inFile(adapter.path) }
        return try layout.finish(leftOut: left)
    }
}
