extension SentencePieceTokenizer {
    /// The id of a piece: reserved ones first, then text, else unknown.
    func pieceID(_ piece: ArraySlice<UInt8>) -> TokenID {
        reserved.id(of: piece.span) ?? textual.id(of: piece.span) ?? model.unknownID
    }

    /// How long the user-defined piece is that `text` starts with.
    func frozenPrefix(of text: ArraySlice<UInt8>) -> Int? {
        userDefined.longestPrefix(of: text)?.count
    }

    /// The text of `ids`. Control pieces are silent, unknown ones become the model's surface, ids beyond the model are left out.
    public func decode(_ ids: [TokenID]) -> String {
        var text: [UInt8] = []
        var run: [UInt8] = []
        // Spaces at the start that normalisation put there go again.
        var isAtStart = true
        func flush() {
            guard !run.isEmpty else { return }
            text += Self.repaired(run)
            run = []
        }
        for id in ids where Int(id) < model.pieces.count {
            let piece = model.pieces[Int(id)]
            if piece.type == .byte {
                if let byte = Decoder.byte(named: Array(piece.text.utf8)[...]) { run.append(byte) }
                continue
            }
            flush()
            switch piece.type {
            case .control: continue
            case .unknown:
                text += model.unknownSurface.utf8
            default:
                var surface = piece.text
                if isAtStart, text.isEmpty, model.addsDummyPrefix || model.removesExtraSpaces, surface.utf8.starts(with: Self.space.utf8) {
                    surface = String(surface.unicodeScalars.dropFirst())
                    if !model.removesExtraSpaces { isAtStart = false }
                }
                text += surface.replacing(Self.space, with: " ").utf8
            }
        }
        flush()
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes as UTF-8, each byte that is none as a replacement character.
    private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let width =
                switch bytes[position] {
                case ..<0x80: 1
                case 0xC2..<0xE0: 2
                case 0xE0..<0xF0: 3
                case 0xF0..<0xF5: 4
                default: 0
                }
            let end = position + max(1, width)
            if width > 0, end <= bytes.count, String(validating: bytes[position..<end], as: UTF8.self) != nil {
                result += bytes[position..<end]
                position = end
            } else {
                result += UTF8.encodedReplacementCharacter
                position += 1
            }
        }
        return result
    }
}
