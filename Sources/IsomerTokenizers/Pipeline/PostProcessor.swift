/// What is put around the model's tokens. The kinds are those of `tokenizer.json`.
indirect enum PostProcessor: Sendable {
    /// A part of a template.
    enum Part: Sendable {
        case sequence(isPair: Bool, type: UInt32)
        case special(String, type: UInt32)
    }

    /// A special token of a template: its name there, and the tokens that it stands for.
    struct Special: Sendable {
        let name: String
        let ids: [TokenID]
        let tokens: [String]
    }

    case sequence([PostProcessor])
    case bert(separator: (String, TokenID), classifier: (String, TokenID))
    case roberta(separator: (String, TokenID), classifier: (String, TokenID), trimsOffsets: Bool, addsPrefixSpace: Bool)
    case byteLevel(addsPrefixSpace: Bool, trimsOffsets: Bool, usesExpression: Bool)
    case template(single: [Part], pair: [Part], specials: [Special])

    func process(_ encoding: inout Encoding, addsSpecials: Bool) {
        switch self {
        case .sequence(let processors): for processor in processors { processor.process(&encoding, addsSpecials: addsSpecials) }
        case .bert(let separator, let classifier):
            guard addsSpecials else { return }
            encoding.insertSpecial(classifier.1, classifier.0, at: 0)
            encoding.insertSpecial(separator.1, separator.0, at: encoding.ids.count)
        case .roberta(let separator, let classifier, let trimsOffsets, let addsPrefixSpace):
            if trimsOffsets { Self.trim(&encoding, addsPrefixSpace) }
            guard addsSpecials else { return }
            encoding.insertSpecial(classifier.1, classifier.0, at: 0)
            encoding.insertSpecial(separator.1, separator.0, at: encoding.ids.count)
        case .byteLevel(let addsPrefixSpace, let trimsOffsets, _):
            if trimsOffsets { Self.trim(&encoding, addsPrefixSpace) }
        case .template(let single, _, let specials):
            var result = Encoding()
            for part in single {
                switch part {
                case .sequence: result.append(encoding)
                case .special(let name, _):
                    guard addsSpecials, let special = specials.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else { continue }
                    for (id, token) in zip(special.ids, special.tokens) { result.insertSpecial(id, token, at: result.ids.count) }
                }
            }
            encoding = result
        }
    }

    /// Takes the spaces at either end of tokens out of their offsets, as the crate tokenizers does for byte-level models.
    private static func trim(_ encoding: inout Encoding, _ addsPrefixSpace: Bool) {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == "\u{120}" || CharacterClass.isWhiteSpace(scalar) }
        for index in encoding.ids.indices {
            let scalars = encoding.pieces[index].unicodeScalars
            var leading = scalars.prefix(while: isSpace).count
            let trailing = scalars.reversed().prefix(while: isSpace).count
            var (start, end) = (encoding.offsets[index].lowerBound, encoding.offsets[index].upperBound)
            if leading > 0 {
                if addsPrefixSpace, leading == 1, index == 0 || start == 0 { leading = 0 }
                start = min(start + leading, end)
            }
            if trailing > 0, end >= trailing { end = max(end - trailing, start) }
            encoding.offsets[index] = start..<end
        }
    }
}
