import IsomerBytes

// What a request is made of, each part with its JSON and what reads it.

extension InitialNoise.Variation {
    var json: JSONValue { ["seed": .number(JSONNumber(seed)), "strength": .number(JSONNumber(strength))] }

    init(_ json: JSONCursor) throws(IsomerError) {
        self.init(seed: try json.required("seed").unsigned(), strength: try json.required("strength").double())
    }
}

extension GenerationRequest.Control {
    var json: JSONValue {
        [
            "model": .string(model.string), "picture": .string(picture.string), "scale": .number(JSONNumber(scale)),
            "start": .number(JSONNumber(start)), "end": .number(JSONNumber(end)),
        ]
    }

    init(_ json: JSONCursor) throws(IsomerError) {
        self.init(
            model: FilePath(try json.required("model").string()), picture: FilePath(try json.required("picture").string()),
            scale: try json.required("scale").double(), start: try json.required("start").double(), end: try json.required("end").double())
    }
}

extension GenerationRequest.AddedFile {
    var json: JSONValue { ["path": .string(path.string), "strength": .number(JSONNumber(strength))] }

    init(_ json: JSONCursor) throws(IsomerError) {
        self.init(FilePath(try json.required("path").string()), strength: try json.required("strength").double())
    }
}

extension GenerationRequest.Refiner {
    var json: JSONValue { ["model": .string(model.string), "start": .number(JSONNumber(start))] }

    init(_ json: JSONCursor) throws(IsomerError) {
        self.init(model: FilePath(try json.required("model").string()), start: try json.required("start").double())
    }
}

extension GenerationRequest.Enlargement {
    var json: JSONValue {
        var object: JSONObject = ["factor": .number(JSONNumber(factor)), "strength": .number(JSONNumber(strength))]
        object["steps"] = steps.map { .number(JSONNumber($0)) }
        return .object(object)
    }

    init(_ json: JSONCursor) throws(IsomerError) {
        self.init(
            factor: try json.required("factor").double(), strength: try json.required("strength").double(),
            steps: try json.optional("steps")?.integer(in: 1...1_000))
    }
}

extension JSONCursor {
    /// A seed.
    func unsigned() throws(IsomerError) -> UInt64 {
        guard case .number(let number) = value, let integer = number.integer(as: UInt64.self) else {
            throw failure("the field has the wrong type", expected: "an integer from 0 to 2⁶⁴ − 1")
        }
        return integer
    }
}
