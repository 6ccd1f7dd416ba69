public import IsomerBytes

/// What one kind of network must tell about itself to be recognised, converted, made and run.
///
/// A new network is one type that conforms to this, in one file; its namings are layouts in IsomerMapping, by which `Networks.all` knows it.
public protocol NetworkConfiguration: Hashable, Sendable {
    /// The library and class that Diffusers' `model_index.json` and configuration files name: `diffusers`, `UNet2DConditionModel`. The first is
    /// written unless `classIdentity` says otherwise; the others are read alike.
    static var classes: [NetworkClass] { get }

    /// What people call it: "UNet".
    static var title: String { get }

    /// Tensors, by canonical name, that together are found in no other kind of network.
    static var signature: NetworkSignature { get }

    /// Reads off the names and shapes (canonical naming) what they tell.
    init(shapesOf inventory: TensorInventory) throws(IsomerError)

    /// Reads a Diffusers or transformers `config.json`.
    init(json: JSONCursor) throws(IsomerError)

    /// The `config.json` to write, keys sorted. Throws `undecided` if something that it must say is `nil`.
    func json() throws(IsomerError) -> JSONObject

    /// Every tensor of the network.
    func manifest() throws(IsomerError) -> Manifest

    /// The same with everything set back that shapes do not tell: equal for two networks with equal tensors.
    var structure: Self { get }

    /// This configuration with what it does not know taken from `other`. What it knows stays.
    func completed(by other: Self) -> Self

    /// This configuration with what it does not know taken from a network of another depth that is as wide in every part; `nil` if it is not.
    func completed(asRelativeOf other: Self) -> Self?

    /// This configuration with what it does not know reckoned by the rules that `other` follows, whatever the widths: of a network that is said
    /// to be like `other`. What those rules do not give stays unknown.
    func completed(inTheMannerOf other: Self) -> Self

    /// The numbers of channels that enter and leave, by which networks of other depth and width still fit the same pipelines; empty for one whose
    /// pipeline follows from the rest of the model.
    var interface: [Int] { get }

    /// The `config.json` keys that it does not know and that must be known before a Diffusers folder can be written.
    var undecided: [String] { get }

    /// What tells it from others of its kind, in a few words: "320·640·1280·1280 channels, text width 768".
    var summary: String { get }

    /// A relative with the same parts that is about a thousand times smaller, for tests and bug reports.
    ///
    /// Widths that two networks of a model must agree in, such as a text encoder's and the attention's to it, shrink by sixteen everywhere.
    var tiny: Self { get }

    /// The class to write, where one configuration type stands for several.
    var classIdentity: NetworkClass { get }
}

extension NetworkConfiguration {
    /// The `config.json` to write, which has been read back and tells this very network.
    ///
    /// The classes that read such files cannot be every relative: a UNet's middle, for one, is as deep as its last level. Throws `unsupported`
    /// for one that they cannot be, rather than to describe another.
    public func sayableJSON() throws(IsomerError) -> JSONObject {
        let object = try json()
        let read = try Self(json: JSONCursor(.object(object)))
        guard read.structure == structure else {
            throw IsomerError(
                .unsupported, "no configuration of \(classIdentity.name) describes this \(Self.title)", expected: read.summary,
                found: summary, remedy: "a file in the original layout can hold it")
        }
        return object
    }
}

/// A Python class as configuration files name it.
public struct NetworkClass: Hashable, Sendable {
    /// `diffusers` or `transformers`.
    public let library: String
    /// `UNet2DConditionModel`.
    public let name: String

    /// The version of Diffusers whose writer our configuration files follow, key for key.
    public static let diffusersVersion = "0.42.1"

    /// Pairs a library with one of its classes.
    public init(_ library: String, _ name: String) {
        self.library = library
        self.name = name
    }
}

/// Names that tell one kind of network from all others.
public struct NetworkSignature: Hashable, Sendable {
    /// All of these are there. The first also tells the prefix under which the network stands.
    public let present: [String]
    /// None of these is there.
    public let absent: [String]

    /// `present` must be there, `absent` must not.
    public init(present: [String], absent: [String] = []) {
        self.present = present
        self.absent = absent
    }
}

extension NetworkConfiguration {
    public var classIdentity: NetworkClass { Self.classes[0] }
    public var interface: [Int] { [] }
    public func completed(inTheMannerOf other: Self) -> Self { completed(asRelativeOf: other) ?? self }

    /// Whether the two have equal tensors, whatever kinds of network they are.
    public func hasStructure(of other: any NetworkConfiguration) -> Bool {
        (other as? Self)?.structure == structure
    }

    /// Whether neither configuration says anything that the other denies.
    public func agrees(with other: any NetworkConfiguration) -> Bool {
        guard let other = other as? Self else { return false }
        return completed(by: other) == other.completed(by: self)
    }

    /// `completed(by:)` for a configuration whose kind is not known here; one of another kind adds nothing.
    public func completed(byAny other: any NetworkConfiguration) -> Self {
        (other as? Self).map(completed(by:)) ?? self
    }

    /// `completed(asRelativeOf:)` for a configuration whose kind is not known here.
    public func completed(asRelativeOfAny other: any NetworkConfiguration) -> Self? {
        (other as? Self).flatMap(completed(asRelativeOf:))
    }

    /// `completed(inTheMannerOf:)` for a configuration whose kind is not known here; one of another kind adds nothing.
    public func completed(inTheMannerOfAny other: any NetworkConfiguration) -> Self {
        (other as? Self).map(completed(inTheMannerOf:)) ?? self
    }

    /// What is thrown when a `config.json` is asked for too early.
    func undecidedError() -> IsomerError? {
        guard !undecided.isEmpty else { return nil }
        return IsomerError(
            .undecided, "the weights alone do not tell \(undecided.joined(separator: ", ")) of this \(Self.title)",
            remedy:
                "say it with --config and a config.json or Diffusers folder of the same structure, or name with --architecture a published model that does it alike"
        )
    }
}
