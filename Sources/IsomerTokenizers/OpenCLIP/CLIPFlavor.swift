/// The implementations of CLIP's tokenizer that models were trained with and are run with. On plain English they agree.
public enum CLIPFlavor: String, Hashable, Sendable, CaseIterable {
    /// The fast `CLIPTokenizer` of transformers, since 5.0 the only one: composes characters (NFC), nothing else; what diffusers runs.
    case transformers
    /// The slow `CLIPTokenizer` of transformers up to 4.57 where ftfy is installed: repairs text as `TextRepair` does, and lower case knows the
    /// final sigma. `<|startoftext|>` and `<|endoftext|>` in a prompt are the marks.
    case transformersSlow = "transformers-slow"
    /// The same where ftfy is not installed: control characters, unassigned ones among them, go, ideographs stand alone, characters are
    /// composed.
    case transformersSlowWithoutFtfy = "transformers-slow-without-ftfy"
    /// openai/CLIP's and open_clip's `SimpleTokenizer`: repairs text, then replaces HTML's references, twice. `<start_of_text>` and
    /// `<end_of_text>` in a prompt are the marks, `<|endoftext|>` is text; windows are padded with 0.
    case openCLIP = "open_clip"

    /// The text as it is cut into words: clean, in lower case, with single spaces.
    func clean(_ text: String) -> String {
        switch self {
        case .openCLIP:
            let plain = HTMLEntities.shared.unescape(HTMLEntities.shared.unescape(TextRepair.fix(text)))
            return PythonText.lowercase(PythonText.singleSpaced(Array(plain.unicodeScalars)))
        case .transformers, .transformersSlow:
            return PythonText.lowercase(PythonText.singleSpaced(Array(TextRepair.fix(text).unicodeScalars)))
        case .transformersSlowWithoutFtfy:
            return PythonText.lowercase(PythonText.singleSpaced(Self.basic(Array(text.unicodeScalars))))
        }
    }

    /// What transformers' `BasicTokenizer` does before it splits.
    private static func basic(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            let category = scalar.category(in: UnicodeEdition.python)
            if scalar.value == 0xFFFD || (category.isOther && !["\t", "\n", "\r"].contains(scalar)) { continue }
            if category == .spaceSeparator {
                result.append(" ")
            } else if isIdeograph(scalar) {
                result += [" ", scalar, " "]
            } else {
                result.append(scalar)
            }
        }
        return NormalForm.nfc.changes(result, edition: UnicodeEdition.python).map(\.scalar)
    }

    /// The ideographs that BERT's Python code sets apart; the Rust code leaves out U+2B820 to U+2B91F.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        CharacterClass.isIdeograph(scalar) || 0x2B820...0x2B91F ~= scalar.value
    }
}

/// What methods of Python's `str` do.
enum PythonText {
    /// Runs of white space as single spaces, none at either end: `" ".join(text.split())`.
    static func singleSpaced(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var spaced: [Unicode.Scalar] = []
        spaced.reserveCapacity(text.count)
        var isPending = false
        for scalar in text {
            if CharacterClass.isPythonSpace(scalar) {
                isPending = !spaced.isEmpty
            } else {
                if isPending { spaced.append(" ") }
                isPending = false
                spaced.append(scalar)
            }
        }
        return spaced
    }

    /// `str.lower`: full mappings, and a sigma that ends a word becomes ς.
    static func lowercase(_ scalars: [Unicode.Scalar]) -> String {
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if scalar.value < 0x80 {
                result.append(65...90 ~= scalar.value ? Unicode.Scalar(scalar.value + 32) ?? scalar : scalar)
            } else if scalar.value == 0x3A3 {
                result.append(isFinalSigma(scalars, index) ? "\u{3C2}" : "\u{3C3}")
            } else if scalar.isAssigned(in: UnicodeEdition.python) {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// Whether a cased letter stands before, and none after, characters that case ignores set aside (Unicode, table 3-17).
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        // A sigma is cased, so a run of such characters is looked through twice at most. Characters of later editions are neither.
        func isKnown(_ scalar: Unicode.Scalar) -> Bool { scalar.isAssigned(in: UnicodeEdition.python) }
        // Two characters have changed since: ʕ is a letter without case by now, and U+1171E no longer a mark that is looked past.
        func isIgnored(_ scalar: Unicode.Scalar) -> Bool {
            scalar.value == 0x1171E || scalar.properties.isCaseIgnorable && isKnown(scalar)
        }
        func isCased(_ scalars: some Sequence<Unicode.Scalar>) -> Bool {
            scalars.first { !isIgnored($0) }.map { $0.value == 0x295 || $0.properties.isCased && isKnown($0) } ?? false
        }
        return isCased(scalars[..<index].reversed()) && !isCased(scalars[(index + 1)...])
    }
}
