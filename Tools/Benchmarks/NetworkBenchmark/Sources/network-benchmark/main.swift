import Foundation
import IsomerKit
import MultiplyAdds
import Synchronization

// Answers one line for each line of standard input, with the seconds that one pass took, the bytes of activations, and the processor's
// seconds of all threads:
//
//     peak                   (in place of the bytes: floating-point operations done)
//     convolution IMAGES HEIGHT WIDTH CHANNELS OUTPUTS KERNEL STRIDE PRECISION
//     unet|encoder|decoder|text PATH SIZE IMAGES PRECISION

/// A weight file of random numbers of the precision's type, mapped as any model is.
func weights(_ shapes: [(String, [Int])], _ precision: Computation.Precision) throws -> Weights {
    let (type, size) = precision == .bf16 ? ("BF16", 2) : ("F32", 4)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("benchmark-\(ProcessInfo.processInfo.processIdentifier)").path
    var header = "{"
    var offset = 0
    for (name, shape) in shapes {
        let end = offset + size * shape.reduce(1, *)
        header += "\(offset == 0 ? "" : ",")\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(offset),\(end)]}"
        offset = end
    }
    header += "}"
    while header.utf8.count % 8 != 0 { header += " " }
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes.reserveCapacity(8 + header.utf8.count + offset)
    bytes.append(contentsOf: header.utf8)
    var state: UInt32 = 1
    for _ in 0..<offset / size {
        state = state &* 1_664_525 &+ 1_013_904_223
        let number = (Float(state >> 8) / 0x80_0000 - 1).bitPattern.littleEndian
        // The upper half of a float is a bf16.
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0.suffix(size)) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let reader = try SafetensorsReader(FilePath(path))
    let weights = Weights(reader)
    // The open file stays readable.
    try FileManager.default.removeItem(atPath: path)
    return weights
}

/// The processor's seconds of all threads so far.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Plans, runs once to warm up, and tells the best of some more runs.
func time(_ precision: Computation.Precision, repeats: Int = 1, _ body: (Computation) throws -> Void) throws -> String {
    let plan = Computation.plan(precision: precision)
    try body(plan)
    let pass = try Computation(precision: precision, planned: plan.peak)
    try body(pass)
    return try best(of: repeats, peak: plan.peak) { try body(pass) }
}

/// The best of so many, and of as many as go into a twentieth of a second: what is over at once is disturbed most.
func best(of repeats: Int, peak: Int, _ body: () throws -> Void) throws -> String {
    var (seconds, work) = (Double.infinity, Double.infinity)
    let start = ContinuousClock.now
    var done = 0
    while done < repeats || start.duration(to: .now) < .milliseconds(50) {
        done += 1
        let before = processorSeconds()
        seconds = min(seconds, try ContinuousClock().measure(body) / .seconds(1))
        work = min(work, processorSeconds() - before)
    }
    return "\(seconds) \(peak) \(work)"
}

/// As many multiply-adds as all cores together can do.
func peak() throws -> String {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let operations = Mutex(0.0)
    let answer = try best(of: 5, peak: 0) {
        DispatchQueue.concurrentPerform(iterations: cores) { _ in
            let done = multiply_adds(2_000_000)
            operations.withLock { $0 = done * Double(cores) }
        }
    }
    let words = answer.split(separator: " ")
    return "\(words[0]) \(Int(operations.withLock { $0 })) \(words[2])"
}

var made: [String: Weights] = [:]
var models: [String: (Model, any TensorSource)] = [:]

@MainActor func answer(_ words: [String]) throws -> String {
    if words[0] == "peak" { return try peak() }
    let precision = Computation.Precision(rawValue: words[words.count - 1]) ?? .f32
    if words[0] == "convolution" {
        let n = words[1...7].compactMap { Int($0) }
        let key = "\(n[4]) \(n[3]) \(n[5]) \(precision)"
        let shape = [n[4], n[3], n[5], n[5]]
        if made[key] == nil { made[key] = try weights([("weight", shape), ("bias", [n[4]])], precision) }
        guard let module = made[key]?.root else { return "?" }
        let values = (0..<n[0] * n[1] * n[2] * n[3]).map { Float($0 % 97) / 97 - 0.5 }
        let (plan, input) = (Computation.plan(precision: precision), [n[0], n[1], n[2], n[3]])
        _ = try plan.convolution(plan.tensor(input, values), module, outputs: n[4], kernel: n[5], stride: n[6])
        let pass = try Computation(precision: precision, planned: plan.peak)
        let x = try pass.tensor(input, values)
        return try best(of: 3, peak: plan.peak) {
            _ = try pass.convolution(x, module, outputs: n[4], kernel: n[5], stride: n[6])
        }
    }
    if models[words[1]] == nil {
        let model = try Model(ConversionRequest(source: FilePath(words[1])))
        models[words[1]] = (model, try model.canonicalTensors())
    }
    guard let (model, source) = models[words[1]], let size = Int(words[2]), let images = Int(words[3]) else { return "?" }
    switch words[0] {
    case "unet":
        guard let configuration = model.components["unet"]?.configuration as? UNetConfiguration else { return "?" }
        let (network, weights) = (try UNet2DCondition(configuration), Weights(source, under: "unet/"))
        return try time(precision) { try network.rehearse($0, weights, height: size, width: size, images: images) }
    case "text":
        guard let configuration = model.components["text_encoder"]?.configuration as? CLIPTextConfiguration else { return "?" }
        let (network, weights) = (try CLIPTextEncoder(configuration), Weights(source, under: "text_encoder/"))
        return try time(precision, repeats: 5) { try network.rehearse($0, weights, texts: images) }
    default:
        guard let configuration = model.components["vae"]?.configuration as? AutoencoderKLConfiguration else { return "?" }
        let (network, weights) = (try AutoencoderKL(configuration), Weights(source, under: "vae/"))
        return try time(precision) { c in
            if words[0] == "decoder" {
                _ = try network.decode(c, weights.root, c.filled([images, size, size, configuration.latentChannels], 0.3))
            } else {
                let side = size * network.magnification
                _ = try network.encode(c, weights.root, c.filled([images, side, side, configuration.inputChannels], 0.3))
            }
        }
    }
}

while let line = readLine() {
    let reply = (try? answer(line.split(separator: " ").map(String.init))) ?? "?"
    try FileHandle.standardOutput.write(contentsOf: Data((reply + "\n").utf8))
}
