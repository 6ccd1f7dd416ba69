public import IsomerBytes

extension AutoencoderKLConfiguration {
    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard let first = channels.first, let last = channels.last else {
            throw IsomerError(.malformed, "an autoencoder needs at least one resolution")
        }
        var builder = ManifestBuilder()
        try builder.scope("encoder") { builder throws(IsomerError) in
            try builder.convolution("conv_in", input: inputChannels, output: first, kernel: 3)
            var width = first
            for (i, output) in channels.enumerated() {
                try builder.scope("down_blocks.\(i)") { builder throws(IsomerError) in
                    try residuals(&builder, count: layers, input: width, output: output)
                    if i + 1 < channels.count {
                        try builder.convolution("downsamplers.0.conv", input: output, output: output, kernel: 3)
                    }
                }
                width = output
            }
            try middle(&builder, last)
            try builder.norm("conv_norm_out", last)
            // Mean and logarithm of the variance.
            try builder.convolution("conv_out", input: last, output: 2 * latentChannels, kernel: 3)
        }
        try builder.scope("decoder") { builder throws(IsomerError) in
            try builder.convolution("conv_in", input: latentChannels, output: last, kernel: 3)
            var width = last
            for (i, output) in channels.reversed().enumerated() {
                try builder.scope("up_blocks.\(i)") { builder throws(IsomerError) in
                    try residuals(&builder, count: layers + 1, input: width, output: output)
                    if i + 1 < channels.count {
                        try builder.convolution("upsamplers.0.conv", input: output, output: output, kernel: 3)
                    }
                }
                width = output
            }
            try middle(&builder, last)
            try builder.norm("conv_norm_out", first)
            try builder.convolution("conv_out", input: first, output: outputChannels, kernel: 3)
        }
        if hasQuantConvolution {
            try builder.convolution("quant_conv", input: 2 * latentChannels, output: 2 * latentChannels, kernel: 1)
        }
        if hasPostQuantConvolution {
            try builder.convolution("post_quant_conv", input: latentChannels, output: latentChannels, kernel: 1)
        }
        return builder.manifest
    }

    private func residuals(_ builder: inout ManifestBuilder, count: Int, input: Int, output: Int) throws(IsomerError) {
        for j in 0..<count {
            try builder.scope("resnets.\(j)") { builder throws(IsomerError) in
                let width = j == 0 ? input : output
                try builder.norm("norm1", width)
                try builder.convolution("conv1", input: width, output: output, kernel: 3)
                try builder.norm("norm2", output)
                try builder.convolution("conv2", input: output, output: output, kernel: 3)
                if width != output { try builder.convolution("conv_shortcut", input: width, output: output, kernel: 1) }
            }
        }
    }

    private func middle(_ builder: inout ManifestBuilder, _ width: Int) throws(IsomerError) {
        try builder.scope("mid_block") { builder throws(IsomerError) in
            if hasMiddleAttention {
                try builder.scope("attentions.0") { builder throws(IsomerError) in
                    try builder.norm("group_norm", width)
                    for name in ["to_q", "to_k", "to_v", "to_out.0"] { try builder.linear(name, input: width, output: width) }
                }
            }
            try residuals(&builder, count: 2, input: width, output: width)
        }
    }
}
