public import IsomerBytes

/// What a SentencePiece `.model` file says.
///
/// Reference: google/sentencepiece `sentencepiece_model.proto`, 0.2.
public struct SentencePieceModel: Sendable {
    /// How text is cut.
    public enum Kind: Int64, Sendable {
        case unigram = 1
        case bytePair = 2
        case word = 3
        case character = 4
    }

    /// What a piece is for.
    public enum PieceType: Int64, Sendable {
        case normal = 1
        case unknown = 2
        /// Never matches text.
        case control = 3
        /// Always kept whole.
        case userDefined = 4
        case unused = 5
        /// A single byte, `<0x0A>`.
        case byte = 6
    }

    /// One piece; its id is its place.
    public struct Piece: Hashable, Sendable {
        public let text: String
        /// The logarithm of its probability (Unigram), or minus its rank (BPE).
        public let score: Float
        public let type: PieceType
    }

    public private(set) var pieces: [Piece] = []
    public private(set) var kind = Kind.unigram
    public private(set) var fallsBackToBytes = false
    public private(set) var treatsSpaceAsSuffix = false
    public private(set) var unknownID: TokenID = 0
    /// What an unknown piece decodes to.
    public private(set) var unknownSurface = " \u{2047} "
    /// The ids of the beginning and the end, and of padding; negative where there is none.
    public private(set) var beginningID: Int64 = 1
    public private(set) var endID: Int64 = 2
    public private(set) var paddingID: Int64 = -1
    public private(set) var normalizerName = ""
    public private(set) var compiledMap: [UInt8] = []
    public private(set) var addsDummyPrefix = true
    public private(set) var removesExtraSpaces = true
    public private(set) var escapesSpaces = true

    /// Reads a file's bytes. Throws `malformed` with the byte, or `limitExceeded` for more pieces than a vocabulary may have.
    public init(_ bytes: [UInt8], path: FilePath? = nil) throws(IsomerError) {
        do throws(IsomerError) {
            try read(bytes)
        } catch {
            throw error.inFile(path)
        }
    }

    /// A model whose parts come from elsewhere. Throws `malformed` if no piece is the unknown one.
    init(
        pieces: [Piece], kind: Kind, fallsBackToBytes: Bool, unknown: Int?, beginning: Int?, end: Int?, padding: Int?, compiledMap: [UInt8],
        addsDummyPrefix: Bool, removesExtraSpaces: Bool
    ) throws(IsomerError) {
        self.pieces = pieces
        self.kind = kind
        self.fallsBackToBytes = fallsBackToBytes
        beginningID = Int64(beginning ?? -1)
        endID = Int64(end ?? -1)
        paddingID = Int64(padding ?? -1)
        self.compiledMap = compiledMap
        self.addsDummyPrefix = addsDummyPrefix
        self.removesExtraSpaces = removesExtraSpaces
        guard let unknown = pieces.firstIndex(where: { $0.type == .unknown }) ?? unknown, pieces.indices ~= unknown else {
            throw IsomerError(.malformed, "the model has no unknown piece")
        }
        unknownID = TokenID(unknown)
    }

    private mutating func read(_ bytes: [UInt8]) throws(IsomerError) {
        var reader = ProtobufReader(bytes[...])
        while let (number, value) = try reader.next() {
            switch number {
            case 1: try readPiece(try value.slice("a piece"))
            case 2: try readTrainer(try value.slice("the trainer's specification"))
            case 3: try readNormalizer(try value.slice("the normalizer's specification"))
            default: break
            }
        }
        guard !pieces.isEmpty else {
            throw IsomerError(.malformed, "the model has no pieces", remedy: "this is not a SentencePiece model")
        }
        guard let unknown = pieces.firstIndex(where: { $0.type == .unknown }) else {
            throw IsomerError(.malformed, "the model has no unknown piece")
        }
        unknownID = TokenID(unknown)
    }

    private mutating func readPiece(_ message: ArraySlice<UInt8>) throws(IsomerError) {
        guard pieces.count <= Int(Vocabulary.largestID) else {
            throw IsomerError(.limitExceeded, "the model has too many pieces", expected: "at most \(Vocabulary.largestID)")
        }
        var (text, score, type) = ("", Float(0), PieceType.normal)
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 1: text = try value.text("piece \(pieces.count)")
            case 2: score = try value.float("the score of piece \(pieces.count)")
            case 3:
                let raw = try value.number("the type of piece \(pieces.count)")
                guard let known = PieceType(rawValue: raw) else {
                    throw IsomerError(
                        .unsupported, "piece \(pieces.count) has an unknown type", item: text, byteOffset: UInt64(message.startIndex),
                        found: "\(raw)")
                }
                type = known
            default: break
            }
        }
        guard !text.isEmpty else {
            throw IsomerError(.malformed, "piece \(pieces.count) is empty", byteOffset: UInt64(message.startIndex))
        }
        pieces.append(Piece(text: text, score: score, type: type))
    }

    private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(IsomerError) {
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 3:
                let raw = try value.number("the kind of model")
                guard let known = Kind(rawValue: raw) else {
                    throw IsomerError(.unsupported, "this kind of SentencePiece model is not known", found: "\(raw)")
                }
                kind = known
            case 24: treatsSpaceAsSuffix = try value.number("a flag") != 0
            case 35: fallsBackToBytes = try value.number("a flag") != 0
            case 41: beginningID = Int64(Int32(truncatingIfNeeded: try value.number("an id")))
            case 42: endID = Int64(Int32(truncatingIfNeeded: try value.number("an id")))
            case 43: paddingID = Int64(Int32(truncatingIfNeeded: try value.number("an id")))
            case 44: unknownSurface = try value.text("the unknown piece's surface")
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ message: ArraySlice<UInt8>) throws(IsomerError) {
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 1: normalizerName = try value.text("the normalizer's name")
            case 2: compiledMap = Array(try value.slice("the character map"))
            case 3: addsDummyPrefix = try value.number("a flag") != 0
            case 4: removesExtraSpaces = try value.number("a flag") != 0
            case 5: escapesSpaces = try value.number("a flag") != 0
            default: break
            }
        }
    }
}
