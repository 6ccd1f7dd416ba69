internal import IsomerBytes
internal import IsomerTensors

/// A safetensors header, read and checked.
struct SafetensorsHeader {
    private(set) var tensors: [TensorDescriptor] = []
    /// Where each tensor starts, counted from `dataOffset`.
    private(set) var offsets: [UInt64] = []
    private(set) var metadata: FileMetadata?
    private(set) var warnings: [String] = []
    /// Where the data starts in the file.
    let dataOffset: UInt64

    /// Bytes of data in the file.
    private let dataByteCount: UInt64
    private let limits: Limits
    private var scanner: JSONScanner
    private var names = NameTable()
    /// Where each tensor's name stands in the file, for errors.
    private var nameOffsets: [UInt32] = []
    /// The extents of the tensor being read.
    private var extents: [Int] = []

    init(_ file: ReadableFile, limits: Limits) throws(IsomerError) {
        let length = try SafetensorsHeader.length(of: file, limits: limits)
        dataOffset = 8 + length
        dataByteCount = file.size - dataOffset
        self.limits = limits
        guard let count = Int(exactly: length) else { throw IsomerError(.limitExceeded, "the header is too long") }
        let text = try file.bytes(at: 8, count: count)
        let end = SafetensorsHeader.end(of: text)
        if let first = text.first, [0x20, 0x09, 0x0A, 0x0D].contains(first) {
            warnings.append("the header starts with white space, which the specification forbids")
        }
        scanner = JSONScanner(text, base: 8, limits: limits)
        try readEntries()
        // Whatever follows the outermost object is an error.
        _ = try scanner.next()
        try checkPadding(text[end...])
        try checkCover()
        // The text is not needed any more.
        scanner = JSONScanner([])
        names = NameTable()
        nameOffsets = []
    }

    /// The header's length in bytes, compared with the file's and with the limit.
    private static func length(of file: ReadableFile, limits: Limits) throws(IsomerError) -> UInt64 {
        let format = try FileFormat(of: file)
        guard format == .safetensors || format == .unknown else { throw format.mistaken(for: .safetensors) }
        guard file.size >= 8 else {
            throw IsomerError(
                .malformed, "the file is too short for a safetensors file", byteOffset: file.size, expected: "at least 8 bytes",
                found: "\(file.size) bytes", remedy: "get it again")
        }
        var reader = ByteReader(try file.bytes(at: 0, count: 8))
        let length = try reader.read(UInt64.self, "the length of the header")
        guard length <= limits.safetensorsHeaderBytes else {
            throw IsomerError(
                .malformed, "the header's length is beyond what safetensors allows, so this is no safetensors file or a damaged one",
                byteOffset: 0, expected: "at most \(limits.safetensorsHeaderBytes) bytes", found: "\(length) bytes")
        }
        guard length <= file.size - 8 else {
            throw IsomerError(
                .malformed, "the header is longer than the file", byteOffset: 0, expected: "at most \(file.size - 8) bytes",
                found: "\(length) bytes", remedy: "the file is cut short or damaged: get it again")
        }
        guard length > 0 else { throw IsomerError(.malformed, "the header is empty", byteOffset: 0) }
        return length
    }

    /// Where the JSON text ends and white space begins.
    private static func end(of text: [UInt8]) -> Int {
        (text.lastIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? -1) + 1
    }

    private func checkPadding(_ padding: ArraySlice<UInt8>) throws(IsomerError) {
        guard let wrong = padding.firstIndex(where: { $0 != 0x20 }) else { return }
        throw IsomerError(
            .malformed, "the header is padded with something else than spaces", byteOffset: 8 + UInt64(wrong),
            found: "byte 0x" + String(padding[wrong], radix: 16, uppercase: true))
    }
}

// The entries.
extension SafetensorsHeader {
    private mutating func readEntries() throws(IsomerError) {
        guard case .beginObject = try scanner.next() else {
            throw IsomerError(.malformed, "the header is not a JSON object", byteOffset: scanner.tokenOffset, expected: "{")
        }
        while case .key = try scanner.next() {
            let name = scanner.tokenText
            let offset = scanner.tokenOffset
            if ExactString(name) == "__metadata__" {
                guard metadata == nil else { throw repeated(name, at: offset) }
                metadata = try readMetadata()
                continue
            }
            let isNew = names.insert(scanner.tokenBytes, position: tensors.count) { [tensors] in
                ExactString(tensors[$0].name) == ExactString(name)
            }
            guard isNew else { throw repeated(name, at: offset) }
            guard tensors.count < limits.tensors else {
                throw IsomerError(
                    .limitExceeded, "the file has too many tensors", byteOffset: offset, expected: "at most \(limits.tensors)")
            }
            do throws(IsomerError) {
                try readTensor(name)
            } catch {
                throw error.about(name)
            }
            nameOffsets.append(UInt32(truncatingIfNeeded: offset))
        }
    }

    private mutating func readMetadata() throws(IsomerError) -> FileMetadata {
        guard case .beginObject = try scanner.next() else {
            throw IsomerError(.malformed, "the metadata are not a JSON object", item: "__metadata__", byteOffset: scanner.tokenOffset)
        }
        var metadata = FileMetadata()
        while case .key = try scanner.next() {
            let key = scanner.tokenText
            let offset = scanner.tokenOffset
            guard metadata[key] == nil else {
                throw IsomerError(.malformed, "a key comes twice in the metadata", item: "__metadata__.\(key)", byteOffset: offset)
            }
            guard case .string = try scanner.next() else {
                throw IsomerError(
                    .malformed, "the metadata may hold nothing but strings", item: "__metadata__.\(key)", byteOffset: scanner.tokenOffset)
            }
            metadata[key] = scanner.tokenText
        }
        return metadata
    }

    private mutating func readTensor(_ name: String) throws(IsomerError) {
        guard case .beginObject = try scanner.next() else {
            throw malformed("the entry of a tensor is not a JSON object")
        }
        let entryOffset = scanner.tokenOffset
        var scalarType: ScalarType?
        var shapeOffset: UInt64?
        var range: (begin: UInt64, end: UInt64)?
        var rangeOffset: UInt64 = 0
        while case .key = try scanner.next() {
            let field = scanner.tokenText
            let offset = scanner.tokenOffset
            let isRepeated: Bool
            switch field {
            case "dtype":
                isRepeated = scalarType != nil
                if !isRepeated { scalarType = try readScalarType() }
            case "shape":
                isRepeated = shapeOffset != nil
                if !isRepeated { shapeOffset = try readShape() }
            case "data_offsets":
                isRepeated = range != nil
                if !isRepeated { (range, rangeOffset) = try readRange() }
            default:
                throw IsomerError(
                    .malformed, "the entry of a tensor has a field that safetensors does not know", byteOffset: offset,
                    expected: "dtype, shape, data_offsets", found: field)
            }
            guard !isRepeated else {
                throw IsomerError(.malformed, "a field comes twice in the entry of a tensor", byteOffset: offset, found: field)
            }
        }
        guard let scalarType, let shapeOffset, let range else {
            let missing = scalarType == nil ? "dtype" : shapeOffset == nil ? "shape" : "data_offsets"
            throw IsomerError(.malformed, "the entry of a tensor lacks a field", byteOffset: entryOffset, expected: missing)
        }
        let tensor = try descriptor(name, scalarType, at: shapeOffset)
        guard range.end >= range.begin, range.end - range.begin == UInt64(tensor.byteCount) else {
            throw IsomerError(
                .malformed, "type and shape of the tensor do not fit its data", byteOffset: rangeOffset,
                expected: "\(tensor.byteCount) bytes for \(scalarType.rawValue) \(tensor.shape)",
                found: "data_offsets [\(range.begin), \(range.end)]")
        }
        tensors.append(tensor)
        offsets.append(range.begin)
    }

    /// Fills `extents`; returns where the shape stands.
    private mutating func readShape() throws(IsomerError) -> UInt64 {
        extents.removeAll(keepingCapacity: true)
        guard case .beginArray = try scanner.next() else { throw malformed("the shape is not an array") }
        let offset = scanner.tokenOffset
        while true {
            switch try scanner.next() {
            case .endArray: return offset
            case .number:
                guard let value = scanner.tokenInteger, let extent = Int(exactly: value) else {
                    throw malformed("an extent of the shape is not a whole number that fits in 63 bits", found: scanner.tokenText)
                }
                guard extents.count < limits.rank else {
                    throw IsomerError(
                        .limitExceeded, "the tensor has too many dimensions", byteOffset: offset, expected: "at most \(limits.rank)")
                }
                extents.append(extent)
            default: throw malformed("an extent of the shape is not a number")
            }
        }
    }

    private mutating func readScalarType() throws(IsomerError) -> ScalarType {
        guard case .string = try scanner.next() else { throw malformed("the element type is not a string") }
        let name = scanner.tokenText
        guard let type = ScalarType.safetensorsNames[name] else {
            throw IsomerError(
                .unsupported, "the element type is not one that safetensors has", byteOffset: scanner.tokenOffset,
                expected: "one of " + ScalarType.safetensorsTypes.map(\.rawValue).joined(separator: ", "), found: name)
        }
        return type
    }

    private mutating func readRange() throws(IsomerError) -> ((begin: UInt64, end: UInt64), UInt64) {
        guard case .beginArray = try scanner.next() else { throw malformed("data_offsets are not an array") }
        let offset = scanner.tokenOffset
        let begin = try readOffset()
        let end = try readOffset()
        guard case .endArray = try scanner.next() else { throw malformed("data_offsets are not two numbers") }
        return ((begin, end), offset)
    }

    private mutating func readOffset() throws(IsomerError) -> UInt64 {
        guard case .number = try scanner.next() else { throw malformed("data_offsets are not two numbers") }
        guard let value = scanner.tokenInteger else {
            throw malformed("one of data_offsets is not a whole number that fits in 64 bits", found: scanner.tokenText)
        }
        return value
    }

    private func descriptor(_ name: String, _ type: ScalarType, at offset: UInt64) throws(IsomerError) -> TensorDescriptor {
        // As in the reference, a product that overflows before a zero is met is refused.
        var product = 1
        for extent in extents {
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow else {
                throw IsomerError(
                    .malformed, "a shape has more elements than memory can address", byteOffset: offset, found: "\(extents)")
            }
            product = next
        }
        do throws(IsomerError) {
            // `map` makes an array no longer than needed; a copy would keep the scratch array's room, a million times.
            return try TensorDescriptor(name: name, scalarType: type, shape: Shape(extents.map { $0 }))
        } catch {
            var error = error
            error.location.byteOffset = offset
            throw error
        }
    }

    private func repeated(_ name: String, at offset: UInt64) -> IsomerError {
        IsomerError(.malformed, "a name comes twice in the header", item: name, byteOffset: offset)
    }

    private func malformed(_ what: String, found: String? = nil) -> IsomerError {
        IsomerError(.malformed, what, byteOffset: scanner.tokenOffset, found: found)
    }
}

// The data.
extension SafetensorsHeader {
    /// The tensors fill the data from end to end, without gaps and overlaps.
    private func checkCover() throws(IsomerError) {
        var order = Array(tensors.indices)
        let isBefore = { (left: Int, right: Int) in
            (offsets[left], tensors[left].byteCount) < (offsets[right], tensors[right].byteCount)
        }
        if !zip(order, order.dropFirst()).allSatisfy({ !isBefore($1, $0) }) { order.sort(by: isBefore) }
        var position: UInt64 = 0
        for index in order {
            let tensor = tensors[index]
            guard offsets[index] == position else { throw gapOrOverlap(index, position) }
            // Cannot overflow: the end was read as one number.
            position += UInt64(tensor.byteCount)
            guard position <= dataByteCount else {
                throw IsomerError(
                    .malformed, "the file ends before the tensor's data", item: tensor.name, byteOffset: dataOffset + dataByteCount,
                    expected: "\(position) bytes of data", found: "\(dataByteCount)",
                    remedy: "the file is cut short or damaged: get it again")
            }
        }
        guard position == dataByteCount else {
            throw IsomerError(
                .malformed, "the file has bytes that belong to no tensor", byteOffset: dataOffset + position,
                expected: "\(position) bytes of data", found: "\(dataByteCount)")
        }
    }

    private func gapOrOverlap(_ index: Int, _ position: UInt64) -> IsomerError {
        let overlaps = offsets[index] < position
        return IsomerError(
            .malformed, overlaps ? "the tensor's data overlaps another tensor's" : "the data has a gap before the tensor's",
            item: tensors[index].name, byteOffset: UInt64(nameOffsets[index]), expected: "data_offsets from \(position)",
            found: "\(offsets[index])")
    }
}
