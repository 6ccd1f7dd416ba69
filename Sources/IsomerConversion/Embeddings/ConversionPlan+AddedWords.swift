public import IsomerBytes
import IsomerTensors
import IsomerTokenizers

/// A textual inversion to be built into a model.
public struct AddedWord: Sendable {
    /// The file.
    public var inversion: TextualInversion
    /// What is to stand for it in prompts; `nil` for what the file says.
    public var token: String?

    public init(_ inversion: TextualInversion, token: String? = nil) {
        self.inversion = inversion
        self.token = token
    }
}

extension ConversionPlan {
    /// Adds words to the text encoders and tokenizers of a planned Diffusers folder: rows of the embedding table, `vocab_size`, and tokens,
    /// `word`, `word_1`, …, one a vector, as diffusers names them.
    ///
    /// Rows that no token uses are taken before the table grows. Vectors are cast to the table's type.
    ///
    /// - Throws: `unsupported` if the plan is not for a whole Diffusers folder: other arrangements have no place for tokens; `mismatch` if the
    ///   vectors fit no text encoder; `usage` if a token is there already.
    public mutating func add(_ words: [AddedWord], limits: Limits = Limits()) throws(IsomerError) {
        guard !words.isEmpty else { return }
        var encoders = shape == .folder ? try EncoderVocabulary.all(of: self, limits: limits) : []
        guard !encoders.isEmpty else {
            throw IsomerError(
                .unsupported,
                shape == .file
                    ? "a weight file has no place for tokens: they live in the tokenizer's folder"
                    : "there is no text encoder with its tokenizer here to add a word to",
                remedy: "convert to a Diffusers folder, or give the embedding's file to the program that loads the checkpoint")
        }
        var added: [Int: [(token: String, id: TokenID)]] = [:]
        for word in words {
            do throws(IsomerError) {
                guard word.token == nil || word.inversion.words.count == 1 else {
                    throw IsomerError(
                        .usage, "the file teaches several words, and one name was given",
                        found: word.inversion.words.compactMap(\.token).joined(separator: ", "))
                }
                for entry in word.inversion.words {
                    guard let token = word.token ?? entry.token(in: word.inversion.path) else {
                        throw IsomerError(.usage, "nothing tells what stands for the vectors in prompts", remedy: "write FILE=WORD")
                    }
                    try add(entry, as: token, to: &encoders, &added)
                }
            } catch {
                throw error.inFile(word.inversion.path)
            }
        }
        for (place, tokens) in added.sorted(by: { $0.key < $1.key }) { try write(tokens, of: encoders[place]) }
    }

    private mutating func add(
        _ word: TextualInversion.Word, as token: String, to encoders: inout [EncoderVocabulary],
        _ added: inout [Int: [(token: String, id: TokenID)]]
    ) throws(IsomerError) {
        var taken: Set<Int> = []
        for vectors in word.vectors {
            let place = try Self.place(of: vectors, in: encoders)
            guard taken.insert(place).inserted else {
                throw IsomerError(.mismatch, "two sets of vectors are for one text encoder", item: encoders[place].name)
            }
            let names = Placeholders.tokens(of: token, count: vectors.count)
            // The next number of a longer word would otherwise join this one.
            let next = "\(token)_\(vectors.count)"
            if let known = (names + [next]).first(where: { encoders[place].tokenizer.id(of: $0) != nil }) {
                throw IsomerError(
                    .usage, "\(encoders[place].tokenizerName) has this token already", item: known, remedy: "choose another with FILE=WORD")
            }
            let first = encoders[place].tokenizer.idBound
            let ids = try encoders[place].tokenizer.add(names.map { AddedToken($0) })
            try put(vectors, at: first, in: encoders[place])
            added[place, default: []] += zip(names, ids).map { ($0, $1) }
            let range = vectors.count == 1 ? "token \(first)" : "tokens \(first) to \(first + vectors.count - 1)"
            notes.append("\(token) is \(range) of \(encoders[place].name)")
        }
        for (place, encoder) in encoders.enumerated() where !taken.contains(place) && encoder.label != "t5" {
            notes.append("\(token) has no vectors for \(encoder.name), which reads it as ordinary letters")
        }
    }

    /// The text encoder that vectors are for: the one they name, else the one of their width.
    private static func place(of vectors: TextualInversion.Vectors, in encoders: [EncoderVocabulary]) throws(IsomerError) -> Int {
        let widths = encoders.map { "\($0.name) \($0.width)" }.joined(separator: ", ")
        let fitting = encoders.indices.filter { place in
            let label = encoders[place].label
            return encoders[place].width == vectors.width && (vectors.encoder.map { $0 == label } ?? (label != "t5"))
        }
        guard let place = fitting.first else {
            throw IsomerError(
                .mismatch, "the vectors fit no text encoder of this model", item: vectors.name, expected: widths,
                found: "\(vectors.encoder.map { $0 + " " } ?? "")\(vectors.width)",
                remedy: "use an inversion that was trained for this family of models")
        }
        guard fitting.count == 1 else {
            throw IsomerError(
                .undecided, "two text encoders are as wide as the vectors, and nothing tells which they are for", item: vectors.name,
                expected: "tensors named clip_l and clip_g", found: widths)
        }
        return place
    }

    /// Plans `vectors` as the rows from `first` of the encoder's table.
    private mutating func put(_ vectors: TextualInversion.Vectors, at first: Int, in encoder: EncoderVocabulary) throws(IsomerError) {
        var table = files[encoder.file].tensors[encoder.tensor]
        // The table may have grown by an earlier word.
        let rows = table.descriptor.shape.dimensions[0]
        guard first <= rows else {
            throw IsomerError(
                .mismatch, "the tokenizer has more tokens than the text encoder has vectors", item: encoder.name,
                expected: "at most \(rows)",
                found: "\(first)")
        }
        let (bytes, report) = try vectors.bytes(as: table.descriptor.scalarType)
        if report != CastReport() {
            notes.append("\(vectors.name): some numbers do not fit \(table.descriptor.scalarType.rawValue), the text encoder's type")
        }
        let replaced = min(rows, first + vectors.count)
        let sources = sources
        let count = { (reference: TensorReference) in sources[reference.source].tensors.tensors[reference.index].shape.elementCount }
        let before = try table.pieces(for: 0..<first * encoder.width, elementCount: count)
        let after = try table.pieces(for: replaced * encoder.width..<rows * encoder.width, elementCount: count)
        if replaced > first {
            for case .tensor(let reference, _) in try table.pieces(
                for: first * encoder.width..<replaced * encoder.width, elementCount: count)
            where !setAside.contains(where: { $0.tensor == reference }) {
                setAside.append(
                    SetAside(
                        reference, name: table.descriptor.name, .dropped,
                        because: "rows that no token of \(encoder.tokenizerName) used: the added words have them now"))
            }
        }
        table.pieces = before + [.constant(bytes)] + after
        table.descriptor = try TensorDescriptor(
            name: table.descriptor.name, scalarType: table.descriptor.scalarType,
            shape: IsomerTensors.Shape([max(rows, first + vectors.count), encoder.width]))
        files[encoder.file].tensors[encoder.tensor] = table
    }

    /// Writes the tokens and the size of the vocabulary where a Diffusers folder has them.
    private mutating func write(_ tokens: [(token: String, id: TokenID)], of encoder: EncoderVocabulary) throws(IsomerError) {
        let rows = files[encoder.file].tensors[encoder.tensor].descriptor.shape.dimensions[0]
        try edit("config.json", in: encoder.name) { object in object["vocab_size"] = .number(JSONNumber(rows)) }
        try edit("added_tokens.json", in: encoder.tokenizerName, create: true) { object in
            for (token, id) in tokens { object[token] = .number(JSONNumber(id)) }
        }
        // transformers 4.34 to 4.57 look only here once it is there; 5.x keep it beside.
        try edit("tokenizer_config.json", in: encoder.tokenizerName) { object in
            guard case .object(var decoder)? = object["added_tokens_decoder"] else { return }
            for (token, id) in tokens {
                decoder["\(id)"] = [
                    "content": .string(token), "lstrip": false, "normalized": true, "rstrip": false, "single_word": false, "special": false,
                ]
            }
            object["added_tokens_decoder"] = .object(decoder)
        }
        let whole = FilePath(encoder.tokenizerName).appending("tokenizer.json")
        if let place = plainFiles.firstIndex(where: { $0.path == whole }) {
            // Made of the folder's own file, so that what other files say does not get into it.
            var tokenizer = try Tokenizer(json: plainFiles[place].bytes, path: whole)
            _ = try tokenizer.add(tokens.map { AddedToken($0.token) })
            plainFiles[place].bytes = tokenizer.json()
        }
        if encoder.name != "text_encoder" || files.contains(where: { $0.path.components.first?.string == "text_encoder_2" }),
            try eosIsLegacy(encoder)
        {
            notes.append(
                "\(encoder.name)/config.json has eos_token_id 2, with which transformers takes the pooled vector at the largest id: in a prompt "
                    + "with an added word that is the word and not the end")
        }
    }

    private func eosIsLegacy(_ encoder: EncoderVocabulary) throws(IsomerError) -> Bool {
        let path = FilePath(encoder.name).appending("config.json")
        guard let file = plainFiles.first(where: { $0.path == path }) else { return false }
        guard case .object(let object) = try JSONValue(parsing: file.bytes, dialect: .python) else { return false }
        return object["eos_token_id"] == .number(JSONNumber(2))
    }

    /// Changes a JSON file of the plan, if it is there or is to be made.
    private mutating func edit(
        _ name: String, in folder: String, create: Bool = false, _ body: (inout JSONObject) -> Void
    ) throws(IsomerError) {
        let path = FilePath(folder).appending(name)
        let place = plainFiles.firstIndex { $0.path == path }
        var object = JSONObject()
        if let place {
            object = try JSONCursor(try JSONValue(parsing: plainFiles[place].bytes, dialect: .python), path: path).object()
        } else if !create {
            return
        }
        body(&object)
        let file = PlainFile(path: path, json: object)
        if let place { plainFiles[place] = file } else { plainFiles.append(file) }
    }
}
