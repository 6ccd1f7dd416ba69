public import IsomerArchitectures

/// Every naming of every kind of network. Each stands with its rules in a file beside this one, or with the only family that has it.
public enum Layouts {
    /// Of each kind of network the canonical one first; a file that fits several is taken for the last of them.
    public static let all: [Layout] = [
        unet, ldmUNet,
        sd3Transformer, mmdit,
        fluxTransformer, fluxWithWeights, flux,
        pixArtTransformer, pixArt,
        auraFlowTransformer, auraFlow,
        controlNet, ldmControlNet,
        fluxControlNet, xlabsControlNet,
        sd3ControlNet, stabilityControlNet,
        t2iAdapter, originalAdapter, originalLightAdapter,
        vae, oldAttentionVAE, ldmVAE,
        tinyVAE, taesd,
        clipText, flatCLIPText, openCLIPText, longCLIPText,
        t5, t5EmbeddedTokens, llamaT5,
    ]

    /// The layouts of one kind of network, the canonical one first.
    static func of(_ network: any NetworkConfiguration.Type) -> [Layout] {
        all.filter { $0.network == network }
    }

    /// The layout of `network` whose signature is in `inventory`, the canonical one last: older namings also have most canonical names.
    public static func matching(_ network: any NetworkConfiguration.Type, _ inventory: TensorInventory) -> Layout? {
        of(network).reversed().first { inventory.matches($0.signature) }
    }
}
