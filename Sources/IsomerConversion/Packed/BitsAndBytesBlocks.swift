import IsomerBytes
import IsomerTensors

/// A weight in blocks of bitsandbytes' four bits: each number is one of sixteen, times the largest magnitude of its block.
///
/// `X` holds the codes, two to a byte, the first in the upper half, whatever its type and shape; `X.quant_state.bitsandbytes__nf4` (or `fp4`) is
/// JSON as bytes, which tells the shape, the type and the length of blocks; `X.quant_map` is the sixteen numbers; `X.absmax` the blocks'
/// magnitudes. These may be packed themselves: codes of eight bits in `X.absmax`, with `X.nested_quant_map` and `X.nested_absmax`, plus an
/// offset that the JSON tells.
///
/// Numbers are as bitsandbytes makes them, bit for bit: products in binary32, rounded once to the type that the JSON tells. Two oddities of its
/// code for processors are not followed: where rows are no multiples of a block's length its vector code takes magnitudes of other blocks (all
/// its other code, and what packs, counts blocks through the whole); and its code for single numbers makes FP4's second zero negative, which its
/// table does not.
// Reference: bitsandbytes 0.50.2, functional.py `QuantState` and `dequantize_4bit`, backends/cpu/ops.py, backends/utils.py.
struct BitsAndBytesBlocks: PackedWeight {
    let tensor: TensorDescriptor
    private let codes: Int
    private let table: [Float]
    private let blockLength: Int
    private let magnitudes: Magnitudes

    /// The blocks' magnitudes.
    fileprivate struct Magnitudes {
        var index: Int
        var nested: Nested?

        struct Nested {
            var magnitudes: Int
            var blockLength: Int
            var table: [Float]
            var offset: Float
        }
    }

    /// The kinds, by the ends of their JSON's names.
    enum Kind: String {
        case nf4 = "bitsandbytes__nf4"
        case fp4 = "bitsandbytes__fp4"

        var word: String { self == .nf4 ? "nf4" : "fp4" }

        /// What the codes stand for: bitsandbytes has the numbers in its code, and does not ask the file.
        var table: [Float] {
            switch self {
            case .nf4:
                [
                    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
                    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
                    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
                ]
            case .fp4:
                [0, 0.0052083333, 2 / 3, 1, 1 / 3, 0.5, 1 / 6, 0.25, 0, -0.0052083333, -2 / 3, -1, -1 / 3, -0.5, -1 / 6, -0.25]
            }
        }
    }

    /// The weight whose JSON is tensor `state`, and everything that it is made of besides.
    init(_ kind: Kind, state: Int, in names: StoredNames) throws(IsomerError) {
        let source = names.source
        let name = String(source.tensors[state].name.dropLast(".quant_state.".count + kind.rawValue.count))
        codes = try names.required(name, by: name)
        let stored = source.tensors[codes]
        let json = try names.json(state)
        func failure(_ what: String, expected: String, found: String, item: String? = nil) -> IsomerError {
            IsomerError(.malformed, what, item: item ?? name, expected: expected, found: found)
        }

        let type: ScalarType
        let shape: Shape
        do throws(IsomerError) {
            let word = try json.required("quant_type").string()
            guard word == kind.word else {
                throw failure("the packed weight's own description names another kind", expected: kind.word, found: word)
            }
            blockLength = try json.required("blocksize").integer(in: 1...Int.max)
            let typeName = try json.required("dtype").string()
            guard let known = Self.types[typeName] else {
                throw failure("the packed weight has a type that it cannot have", expected: "float32, float16 or bfloat16", found: typeName)
            }
            type = known
            var dimensions: [Int] = []
            for extent in try json.required("shape").elements() { dimensions.append(try extent.integer(in: 0...Int.max)) }
            guard dimensions.count <= 8 else {
                throw failure("the packed weight has too many extents", expected: "at most 8", found: "\(dimensions.count)")
            }
            shape = try Shape(dimensions)
            tensor = try TensorDescriptor(name: name, scalarType: type, shape: shape)
        } catch {
            throw error.inDescription(of: source.tensors[state].name)
        }
        let count = shape.elementCount
        guard stored.byteCount == count / 2 + count % 2 else {
            throw failure(
                "the packed weight's codes are not as many as its shape says", expected: "\(count / 2 + count % 2) bytes for \(shape)",
                found: "\(stored.byteCount)")
        }
        // bitsandbytes itself gives such a weight with rows and columns exchanged.
        guard stored.shape.rank != 2 || stored.shape.dimensions[0] != 1 || stored.shape.dimensions[1] == 1 else {
            throw IsomerError(.unsupported, "the packed weight lies the other way round, in one row", item: name, found: "\(stored.shape)")
        }

        table = kind.table
        let map = try names.floats(of: names.required(name + ".quant_map", by: name), count: 16)
        guard zip(map, table).allSatisfy({ abs($0 - $1) <= 1 / 128 }) else {
            throw failure(
                "the packed weight's table is not that of its kind", expected: "\(kind.word)'s sixteen numbers", found: "others",
                item: name + ".quant_map")
        }
        let blocks = count / blockLength + (count % blockLength == 0 ? 0 : 1)
        magnitudes = try Self.magnitudes(of: name, blocks, json, names)
    }

    private static let types: [String: ScalarType] = ["float32": .f32, "float16": .f16, "bfloat16": .bf16]

    private static func magnitudes(
        of name: String, _ blocks: Int, _ json: JSONCursor, _ names: StoredNames
    ) throws(IsomerError) -> Magnitudes {
        let index = try names.required(name + ".absmax", by: name)
        let isNested = names.source.tensors[index].scalarType == .u8
        try names.check(index, count: blocks, isNested ? "U8" : "floating numbers") { isNested || $0.kind == .float && $0.isByteAligned }
        guard isNested else { return Magnitudes(index: index, nested: nil) }
        let length: Int
        let offset: Double
        do throws(IsomerError) {
            length = try json.required("nested_blocksize").integer(in: 1...Int.max)
            offset = try json.required("nested_offset").double()
            let type = try json.optional("nested_dtype")?.string() ?? "float32"
            guard type == "float32" else {
                throw IsomerError(.unsupported, "the blocks' magnitudes have a type they never have", expected: "float32", found: type)
            }
        } catch {
            throw error.inDescription(of: name + ".quant_state")
        }
        let outer = try names.required(name + ".nested_absmax", by: name)
        try names.check(outer, count: blocks / length + (blocks % length == 0 ? 0 : 1), "floating numbers") {
            $0.kind == .float && $0.isByteAligned
        }
        let table = try names.floats(of: names.required(name + ".nested_quant_map", by: name), count: 256)
        return Magnitudes(
            index: index, nested: Magnitudes.Nested(magnitudes: outer, blockLength: length, table: table, offset: Float(offset)))
    }

    /// How the names of what belongs to a weight end.
    static let companions = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"]

    func read(
        _ elements: Range<Int>, from source: any TensorSource, into numbers: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        let blocks = elements.lowerBound / blockLength..<(elements.upperBound - 1) / blockLength + 1
        let scales = FloatBuffer(count: blocks.count)
        defer { withExtendedLifetime(scales) {} }
        try magnitudes.read(blocks, from: source, into: scales.values)
        let bytes = FourBitRun.bytes(of: elements)
        try withStoredBytes(bytes, of: codes, in: source) { (stored) throws(IsomerError) in
            var start = elements.lowerBound
            for (block, scale) in zip(blocks, scales.values) {
                // What is left of the elements is less than a block's length behind its start.
                let end = start + min(blockLength - (start - block * blockLength), elements.upperBound - start)
                let run = FourBitRun.bytes(of: start..<end)
                FourBitRun.unpack(
                    UnsafeRawBufferPointer(rebasing: stored[(run.lowerBound - bytes.lowerBound)..<(run.upperBound - bytes.lowerBound)]),
                    from: start..<end, table, times: scale,
                    into: UnsafeMutableBufferPointer(
                        rebasing: numbers[(start - elements.lowerBound)..<(end - elements.lowerBound)]))
                start = end
            }
        }
    }
}

extension BitsAndBytesBlocks.Magnitudes {
    /// Those of some blocks.
    func read(
        _ blocks: Range<Int>, from source: any TensorSource, into target: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        guard let nested else { return try source.floats(of: index, blocks, into: target) }
        let outer = blocks.lowerBound / nested.blockLength..<(blocks.upperBound - 1) / nested.blockLength + 1
        let scales = FloatBuffer(count: outer.count)
        defer { withExtendedLifetime(scales) {} }
        try source.floats(of: nested.magnitudes, outer, into: scales.values)
        try withStoredBytes(blocks, of: index, in: source) { (codes) throws(IsomerError) in
            for (place, code) in codes.enumerated() {
                let scale = scales.values[(blocks.lowerBound + place) / nested.blockLength - outer.lowerBound]
                target[place] = nested.table[Int(code)] * scale + nested.offset
            }
        }
    }
}
