// Makes files that cost their reader much more than they cost their writer, for the tests and Tools/Faults/bombs.
//
//   bomb-maker FOLDER
//
// FOLDER/weights, /tokenizers: a bomb in each file. FOLDER/pictures, /models: one in each folder. Reference: the list in the documentation's
// page on trust; Fifield's "A better zip bomb" (overlapping members).

import CZlib
import Foundation

let root = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? "bombs")

func write(_ path: String, _ bytes: Bytes) throws {
    let url = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
}

let million = 1_000_000

// MARK: Safetensors

try write("weights/length-2-63.safetensors", little(UInt64(1) << 63) + text("{}"))
try write("weights/length-2-64.safetensors", little(UInt64.max) + text("{}"))
try write("weights/length-beyond-the-file.safetensors", little(UInt64(99_999_999)) + text("{\"a\":") + Bytes(repeating: 0x20, count: 4096))
try write("weights/nested-objects.safetensors", safetensors(repeated("{\"a\":", million)))
try write("weights/nested-arrays.safetensors", safetensors(text("{\"a\":") + repeated("[", million)))
try write(
    "weights/shape-overflow.safetensors",
    safetensors(
        text("{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,8]}}"),
        Bytes(repeating: 0, count: 8)))
try write(
    "weights/shape-2-63.safetensors",
    safetensors(text("{\"a\":{\"dtype\":\"F64\",\"shape\":[9223372036854775807],\"data_offsets\":[0,18446744073709551615]}}")))
try write(
    "weights/million-dimensions.safetensors",
    safetensors(text("{\"a\":{\"dtype\":\"U8\",\"shape\":[") + repeated("1,", million) + text("1],\"data_offsets\":[0,1]}}"), [0]))

// MARK: Pickles

let proto = text("\u{80}\u{2}")
func get(_ index: Int, times count: Int) -> Bytes { repeated([0x68, UInt8(index)], count) }
let pickles: [(String, Bytes)] = [
    // A tuple of a hundred of the one before, two hundred levels deep; the same with lists.
    ("memo", text("\u{80}\u{4}]\u{94}") + (0..<200).flatMap { text("(") + get($0, times: 100) + text("t\u{94}") } + text(".")),
    (
        "memo-lists",
        proto + text("]q\u{0}") + (0..<200).flatMap { text("](") + get($0, times: 100) + [0x65, 0x71, UInt8($0 + 1)] } + text(".")
    ),
    ("memo-number", proto + text("Nr\u{FF}\u{FF}\u{FF}\u{FF}.")),
    ("nested-marks", proto + repeated("(", million) + text(".")),
    ("nested-tuples", proto + repeated("(", million) + text("N") + repeated("t", million) + text(".")),
    ("nested-lists", proto + repeated("]", million) + repeated("a", million - 1) + text(".")),
    ("nested-dictionaries", proto + repeated("}N", million) + text("N") + repeated("s", million) + text(".")),
    ("bytes-2-63", text("\u{80}\u{4}\u{8E}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}.")),
    ("bytearray-2-62", text("\u{80}\u{5}\u{96}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{40}.")),
    ("text-4-quarters", proto + text("X\u{FF}\u{FF}\u{FF}\u{FF}a.")),
    ("number-2-quarters", proto + text("\u{8B}\u{FF}\u{FF}\u{FF}\u{7F}a.")),
    ("number-million-digits", text("I") + repeated("9", million) + text("\n.")),
    ("frame-2-63", text("\u{80}\u{4}\u{95}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}N.")),
    ("endless-duplication", proto + text("]") + repeated("2", million) + text(".")),
]
for (name, pickle) in pickles {
    try write("weights/\(name).pkl", pickle)
    try write("weights/\(name).pt", torch(pickle))
}

/// A state dictionary with one tensor over one stored element.
func tensor(size: String, stride: String, elements: String = "K\u{1}") -> Bytes {
    proto
        + text(
            "}X\u{1}\u{0}\u{0}\u{0}actorch._utils\n_rebuild_tensor_v2\n((X\u{7}\u{0}\u{0}\u{0}storagectorch\nFloatStorage\nX\u{1}\u{0}\u{0}\u{0}0X\u{3}\u{0}\u{0}\u{0}cpu\(elements)tQK\u{0}\(size)\(stride)\u{89}ccollections\nOrderedDict\n)RtRs."
        )
}
let element = Member("archive/data/0", Bytes(repeating: 0, count: 4))
try write("weights/stride-0.pt", torch(tensor(size: "\u{8A}\u{5}\u{0}\u{0}\u{0}\u{0}\u{10}\u{85}", stride: "K\u{0}\u{85}"), [element]))
try write(
    "weights/stride-0-2-62.pt",
    torch(tensor(size: "\u{8A}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{40}\u{85}", stride: "K\u{0}\u{85}"), [element]))
try write(
    "weights/elements-2-62.pt",
    torch(tensor(size: "K\u{1}\u{85}", stride: "K\u{1}\u{85}", elements: "\u{8A}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{40}"), [element])
)

// MARK: Archives

let zeros = Bytes(repeating: 0, count: 1 << 20)
let quarter = compressed(zeros, times: 256, windowBits: -15)
try write("weights/deflated-pickle.pt", torch(Member("archive/data.pkl", deflated: quarter, size: 1 << 28)))
let none = compressed(repeated("N0", 1 << 19), times: 256, windowBits: -15)
try write("weights/deflated-instructions.pt", torch(Member("archive/data.pkl", deflated: none, size: 1 << 28)))
try write("weights/deflated-lie.pt", torch(Member("archive/data.pkl", deflated: quarter, size: 100)))
try write("weights/gzip.pkl.gz", compressed(zeros, times: 512, windowBits: 31))
try write("weights/zlib.joblib", compressed(zeros, times: 256, windowBits: 15))
var onion = proto + text("N.")
for level in 0..<200 { onion = zip([Member(level == 0 ? "data.pkl" : "inner.zip", onion)]) }
try write("weights/zip-in-zip.zip", onion)
do {
    // Every member's header lies in the member before it.
    let kernel = compressed(zeros, times: 20, windowBits: -15)
    var file: Bytes = []
    var directory: Bytes = []
    let body =
        text("PK\u{3}\u{4}") + little(UInt16(20)) + little(UInt16(0)) + little(UInt16(8)) + Bytes(repeating: 0, count: 16)
        + little(UInt16(8)) + little(UInt16(0))
    file = body + text("data.pkl") + kernel
    for index in 0..<60_000 {
        directory +=
            text("PK\u{1}\u{2}") + little(UInt16(20)) + little(UInt16(20)) + little(UInt16(0)) + little(UInt16(8)) + little(UInt32(0))
            + little(UInt32(0))
        directory +=
            little(UInt32(kernel.count)) + little(UInt32(20 << 20)) + little(UInt16(8)) + Bytes(repeating: 0, count: 12) + little(UInt32(0))
        directory += text(String(index + 10_000_000))
    }
    let start = file.count
    file += directory + text("PK\u{5}\u{6}") + little(UInt32(0)) + little(UInt16(60_000)) + little(UInt16(60_000))
    try write("weights/overlapping.pt", file + little(UInt32(directory.count)) + little(UInt32(start)) + little(UInt16(0)))
}
do {
    let blank = Bytes(repeating: 0, count: 12)
    let entry = text("PK\u{1}\u{2}") + [20, 0, 20, 0] + blank[..<8] + blank + [3, 0] + blank + little(UInt32(0)) + text("a/b")
    var file = repeated(text("PK\u{3}\u{4}") + [20, 0] + blank[..<8] + blank + [3, 0, 0, 0] + text("a/b"), million)
    let start = UInt64(file.count)
    file += repeated(entry, million)
    let wideStart = UInt64(file.count)
    file += text("PK\u{6}\u{6}") + little(UInt64(44)) + [45, 0, 45, 0] + blank[..<8] + little(UInt64(million)) + little(UInt64(million))
    file += little(wideStart - start) + little(start) + text("PK\u{6}\u{7}") + little(UInt32(0)) + little(wideStart) + little(UInt32(1))
    file +=
        text("PK\u{5}\u{6}") + little(UInt32(0)) + little(UInt16.max) + little(UInt16.max) + little(UInt32.max) + little(UInt32.max) + [
            0, 0,
        ]
    try write("weights/million-members.zip", file)
}
func tarHeader(_ name: String, _ size: String) -> Bytes {
    var header = Bytes(repeating: 0, count: 512)
    header.replaceSubrange(0..<name.utf8.count, with: name.utf8)
    header.replaceSubrange(124..<(124 + size.utf8.count), with: size.utf8)
    header[156] = 0x30
    header.replaceSubrange(257..<265, with: text("ustar\u{0}00"))
    header.replaceSubrange(148..<156, with: Bytes(repeating: 0x20, count: 8))
    let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
    header.replaceSubrange(148..<155, with: text(String(repeating: "0", count: 6 - sum.count) + sum + "\u{0}"))
    return header
}
try write("weights/member-of-8-quarters.tar", tarHeader("storages", "77777777777"))
try write("weights/many-empty-members.tar", repeated(tarHeader("a", "00000000000"), 100_000))
do {
    let parts = [
        text("\u{8A}\u{A}l\u{FC}\u{9C}F\u{F9} j\u{A8}P\u{19}."), text("\u{80}\u{2}M\u{E9}\u{3}."), text("\u{80}\u{2}}."),
        text("\u{80}\u{2}}."),
    ]
    try write("weights/legacy-keys.pt", Bytes(parts.joined()) + proto + text("]") + repeated("(", million))
}
try write("weights/index.json", text("{\"weight_map\":") + repeated("{\"a\":", million))
try write("weights/million-equal-keys.json", text("{\"weight_map\":{") + repeated("\"a\":\"a\",", million) + text("\"b\":\"a\"}}"))

// MARK: GGUF

let gguf = text("GGUF") + little(UInt32(3))
try write("weights/tensors-2-63.gguf", gguf + little(UInt64(1) << 63) + little(UInt64(0)))
try write("weights/keys-2-63.gguf", gguf + little(UInt64(0)) + little(UInt64(1) << 63))
try write("weights/text-2-63.gguf", gguf + little(UInt64(0)) + little(UInt64(1)) + little(UInt64(1) << 63) + text("a"))
try write(
    "weights/array-2-63.gguf",
    gguf + little(UInt64(0)) + little(UInt64(1)) + little(UInt64(1)) + text("a") + little(UInt32(9)) + little(UInt32(4))
        + little(UInt64(1) << 61))
try write(
    "weights/nested-arrays.gguf",
    gguf + little(UInt64(0)) + little(UInt64(1)) + little(UInt64(1)) + text("a") + little(UInt32(9))
        + repeated(little(UInt32(9)) + little(UInt64(1)), million))
try write(
    "weights/shape-2-62.gguf",
    gguf + little(UInt64(1)) + little(UInt64(0)) + little(UInt64(1)) + text("a") + little(UInt32(2)) + little(UInt64(1) << 62)
        + little(UInt64(1) << 62)
        + little(UInt32(0)) + little(UInt64(0)) + zeros[..<64])

// MARK: Pictures

let little100k = compressed(zeros, times: 64, windowBits: 15)
try write("pictures/hundred-thousand-squared/bomb.png", png(100_000, 100_000, [("IDAT", little100k)]))
try write("pictures/two-thousand-million-squared/bomb.png", png(0x7FFF_FFFF, 0x7FFF_FFFF, [("IDAT", little100k)]))
try write(
    "pictures/profile/bomb.png",
    png(
        8, 8,
        [
            ("iCCP", text("p\u{0}\u{0}") + compressed(zeros, times: 200, windowBits: 15)),
            ("IDAT", compressed(Bytes(repeating: 0, count: 200), times: 1, windowBits: 15)),
        ]))
try write(
    "pictures/text/bomb.png",
    png(
        8, 8,
        [
            ("zTXt", text("p\u{0}\u{0}") + compressed(zeros, times: 200, windowBits: 15)),
            ("IDAT", compressed(Bytes(repeating: 0, count: 200), times: 1, windowBits: 15)),
        ]))
do {
    let whole = png(8, 8, [("IDAT", compressed(Bytes(repeating: 0, count: 200), times: 1, windowBits: 15))])
    try write("pictures/many-chunks/bomb.png", Bytes(whole[..<33]) + repeated(chunk("tEXt", text("a\u{0}b")), 200_000) + whole[33...])
}
try write("pictures/more-than-there-is/bomb.png", png(8, 8, [("IDAT", little100k)]))
func jpeg(_ width: UInt16, _ height: UInt16, progressive: Bool, scans: Int) -> Bytes {
    var file: Bytes = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0] + Bytes(repeating: 1, count: 64)
    file += [0xFF, progressive ? 0xC2 : 0xC0, 0, 11, 8] + big(height) + big(width) + [1, 1, 0x11, 0]
    file +=
        [0xFF, 0xC4, 0, 20, 0, 1] + Bytes(repeating: 0, count: 15) + [0] + [0xFF, 0xC4, 0, 20, 0x10, 1] + Bytes(repeating: 0, count: 15) + [
            0
        ]
    for index in 0..<scans {
        let band: Bytes = progressive ? (index == 0 ? [0, 0, 0] : [1, 63, 0]) : [0, 63, 0]
        file += [0xFF, 0xDA, 0, 8, 1, 1, 0] + band + [0]
    }
    return file + [0xFF, 0xD9]
}
try write("pictures/jpeg-65500-squared/bomb.jpg", jpeg(65_500, 65_500, progressive: false, scans: 1))
try write("pictures/jpeg-progressive/bomb.jpg", jpeg(16_000, 16_000, progressive: true, scans: 10_000))
try write(
    "pictures/jpeg-comments/bomb.jpg",
    [0xFF, 0xD8] + repeated([0xFF, 0xFE, 0, 2], 500_000) + jpeg(8, 8, progressive: false, scans: 1).dropFirst(2))

// MARK: Tokenizers and configurations

try write("tokenizers/nested.json", repeated("[", million))
try write("tokenizers/nested/tokenizer.json", text("{\"model\":") + repeated("{\"a\":", million))
try write("tokenizers/gzip/bpe_simple_vocab_16e6.txt.gz", compressed(zeros, times: 512, windowBits: 31))
try write("tokenizers/gzip-json/vocab.json.gz", compressed(repeated("[", 1 << 20), times: 256, windowBits: 31))
/// One field of a protocol buffer that holds the next.
func variableLength(_ value: Int) -> Bytes { value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + variableLength(value >> 7) }
var lengths: [Bytes] = []
var total = 0
for _ in 0..<20_000 {
    lengths.append([0x0A] + variableLength(total))
    total += lengths[lengths.count - 1].count
}
let message = Bytes(lengths.reversed().joined())
try write("tokenizers/nested-message/spiece.model", message)
try write("tokenizers/length-2-63/spiece.model", [0x0A] + Bytes(repeating: 0xFF, count: 9) + [0x01, 0x41])
try write("models/nested-index/model_index.json", repeated("{\"a\":", million))
try write(
    "models/nested-config/model_index.json",
    text("{\"_class_name\":\"StableDiffusionPipeline\",\"unet\":[\"diffusers\",\"UNet2DConditionModel\"]}"))
try write("models/nested-config/unet/config.json", text("{\"_class_name\":") + repeated("[", million))
try write("models/nested-config/unet/diffusion_pytorch_model.safetensors", safetensors(text("{}")))
try write(
    "models/huge-config/model_index.json",
    text("{\"_class_name\":\"StableDiffusionPipeline\",\"unet\":[\"diffusers\",\"UNet2DConditionModel\"]}"))
try write(
    "models/huge-config/unet/config.json",
    text(
        "{\"_class_name\":\"UNet2DConditionModel\",\"layers_per_block\":9223372036854775807,\"block_out_channels\":[9223372036854775807,1000000000],\"cross_attention_dim\":9223372036854775807}"
    ))
try write("models/huge-config/unet/diffusion_pytorch_model.safetensors", safetensors(text("{}")))
