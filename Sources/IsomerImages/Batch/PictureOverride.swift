public import IsomerBytes

/// What a person decided about one picture; wins over everything found.
public struct PictureOverride: Hashable, Sendable {
    public var isExcluded = false
    public var focus: Focus?
    public var caption: String?

    public init(isExcluded: Bool = false, focus: Focus? = nil, caption: String? = nil) {
        self.isExcluded = isExcluded
        self.focus = focus
        self.caption = caption
    }

    /// Reads a file of overrides: an object with a member for each picture, by its path inside the input.
    ///
    /// The same object for one picture alone may lie beside it, as `photo.focus.json`.
    ///
    /// `{"photo.jpg": {"exclude": true}, "b/c.png": {"point": [0.4, 0.3]}, "d.jpg": {"box": [10, 20, 200, 240]}, "e.jpg": {"boxes": […]}}`;
    /// a point is given in shares of width and height, boxes in pixels of the upright picture.
    public static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(IsomerError) -> [String: PictureOverride] {
        let root = JSONCursor(try JSONValue(parsing: bytes, limits: limits))
        var result: [String: PictureOverride] = [:]
        for (name, cursor) in try root.members() { result[name] = try PictureOverride(cursor) }
        return result
    }

    /// One picture's object.
    init(_ cursor: JSONCursor) throws(IsomerError) {
        // A slip of the pen would decide nothing, and nobody would know.
        for (name, field) in try cursor.members() where !["exclude", "caption", "point", "box", "boxes"].contains(name) {
            throw field.failure("decisions have no such field", expected: "exclude, caption, point, box or boxes")
        }
        if let exclude = try cursor.optional("exclude") { isExcluded = try exclude.bool() }
        if let caption = try cursor.optional("caption") { self.caption = try caption.string() }
        if let point = try cursor.optional("point") {
            let numbers = try Self.numbers(point, 2)
            focus = .point(x: numbers[0], y: numbers[1])
        }
        if let box = try cursor.optional("box") { focus = .boxes([try Self.box(box)]) }
        if let boxes = try cursor.optional("boxes") {
            var list: [PixelBox] = []
            for element in try boxes.elements() { list.append(try Self.box(element)) }
            focus = .boxes(list)
        }
    }

    private static func box(_ cursor: JSONCursor) throws(IsomerError) -> PixelBox {
        let sides = try numbers(cursor, 4)
        guard sides[0] < sides[2], sides[1] < sides[3] else {
            throw cursor.failure(
                "a box needs its left before its right and its top above its bottom", expected: "[left, top, right, bottom]")
        }
        return PixelBox(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
    }

    private static func numbers(_ cursor: JSONCursor, _ count: Int) throws(IsomerError) -> [Double] {
        var result: [Double] = []
        for element in try cursor.elements() {
            let number = try element.double()
            guard number.isFinite, abs(number) < 1e9 else { throw element.failure("this is no place in a picture") }
            result.append(number)
        }
        guard result.count == count else {
            throw cursor.failure("this is no place in a picture", expected: "\(count) numbers", found: "\(result.count)")
        }
        return result
    }

    /// The object that reads as this.
    var json: JSONValue {
        var object = JSONObject()
        if isExcluded { object["exclude"] = .bool(true) }
        object["caption"] = caption.map { .string($0) }
        func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number(JSONNumber($0)) }) }
        func box(_ box: PixelBox) -> JSONValue { numbers([box.left, box.top, box.right, box.bottom]) }
        switch focus {
        case .point(let x, let y): object["point"] = numbers([x, y])
        case .boxes(let boxes) where boxes.count == 1: object["box"] = boxes.first.map(box)
        case .boxes(let boxes): object["boxes"] = .array(boxes.map(box))
        default: break
        }
        return .object(object)
    }
}
