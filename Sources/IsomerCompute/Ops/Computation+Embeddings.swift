internal import CKernels
public import IsomerBytes
import IsomerTensors

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension Computation {
    /// Rows of `weight [count, width]` by number: `[images, tokens]` to `[images, tokens, width]`. Ids are listed row-major.
    public func embedding(_ ids: [Int], images: Int, _ module: Module, count: Int, width: Int) throws(IsomerError) -> Tensor {
        guard images > 0, ids.count % images == 0 else {
            throw IsomerError(.mismatch, "token ids do not fill their rows", item: module.name, found: "\(ids.count)")
        }
        if let wrong = ids.first(where: { $0 < 0 || $0 >= count }) {
            throw IsomerError(
                .mismatch, "a token id lies outside of the vocabulary", item: module.name, expected: "0..<\(count)", found: "\(wrong)")
        }
        let output = try tensor([images, ids.count / images, width])
        let name = module.path + "weight"
        if isPlanning {
            try module.weights.expect(name, [count, width])
            return output
        }
        guard let target = output.address else { return output }
        try module.weights.withBytes(name, [count, width]) { bytes, type throws(IsomerError) in
            guard let size = type.byteCount(of: width), let rowBytes = ScalarType.f32.byteCount(of: width) else { return }
            let cast = try Cast(from: type, to: .f32)
            for (row, id) in ids.enumerated() {
                try cast.apply(
                    UnsafeRawBufferPointer(start: bytes + id * size, count: size),
                    UnsafeMutableRawBufferPointer(start: target + row * width, count: rowBytes), elementCount: width)
            }
        }
        try observer?(module.name, output)
        return output
    }

    /// A bare parameter, one copy for each picture: `[images] + shape`.
    public func parameter(_ name: String, of module: Module, shape: [Int], images: Int) throws(IsomerError) -> Tensor {
        let output = try tensor([images] + shape)
        if isPlanning {
            try module.weights.expect(module.path + name, shape)
            return output
        }
        let values = try module.weights.values(module.path + name, shape)
        guard let target = output.address else { return output }
        for image in 0..<images {
            values.withUnsafeBufferPointer {
                if let base = $0.baseAddress { (target + image * values.count).update(from: base, count: values.count) }
            }
        }
        return output
    }

    /// Sinusoids of `times`, `[times.count, width]`: cosines, then sines, of time · 10000^(-i / (width / 2)) · scale.
    ///
    /// Reference: diffusers 0.42.1, models/embeddings.py, `get_timestep_embedding` with `flip_sin_to_cos` and no frequency shift.
    public func timeEmbedding(_ times: [Float], width: Int, scale: Float = 1) throws(IsomerError) -> Tensor {
        try tensor([times.count, width], Reference.timeEmbedding(times, width: width, scale: scale))
    }

    /// Sinusoids of the strengths of guidance, `[scales.count, width]`: sines, then cosines, of 1000 · (scale − 1) · 10000^(-i / (width / 2 − 1)).
    ///
    /// Reference: diffusers 0.42.1, pipeline_latent_consistency_text2img.py, `get_guidance_scale_embedding` of the scale less one.
    public func guidanceEmbedding(_ scales: [Float], width: Int) throws(IsomerError) -> Tensor {
        try tensor([scales.count, width], Reference.guidanceEmbedding(scales, width: width))
    }
}
