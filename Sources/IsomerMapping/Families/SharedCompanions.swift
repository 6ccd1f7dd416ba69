// Tensors that stand beside the components in checkpoints of several families.

extension Companion {
    /// What LDM's training code leaves in a checkpoint.
    static let ldmTraining: [Companion] =
        ScheduleBuffers.names.map { Companion($0, "the noise schedule, which the scheduler's configuration says") }
        + [
            Companion("denoiser.sigmas", "the noise schedule, which the scheduler's configuration says"),
            Companion("model_ema.decay", "bookkeeping of averaged weights"),
            Companion("model_ema.num_updates", "bookkeeping of averaged weights"),
            Companion("model_ema.{*}", "averaged weights (--ema takes them instead of the last ones)"),
            Companion("first_stage_model.loss.{*}", "parameters of the training loss"),
            Companion("lr_scheduler.{*}", "training state"),
            Companion("embedding_manager.{*}", "textual inversions of the training code"),
            Companion("cond_stage_model.logit_scale", "CLIP's contrast temperature, which only its training uses"),
            Companion("edm_vpred.{*}", "the range of noise that an EDM model with velocity prediction was trained for"),
            Companion("v_pred", "a marker: the model predicts velocity"),
            Companion("ztsnr", "a marker: the schedule ends in pure noise"),
        ]

    /// What SGM's conditioner leaves beside its encoders.
    static let conditioner: [Companion] = [
        Companion("conditioner.embedders.{i}.model.logit_scale", "CLIP's contrast temperature, which only its training uses"),
        Companion("conditioner.embedders.{i}.logit_scale", "CLIP's contrast temperature, which only its training uses"),
    ]

    /// What tools that join files leave beside text encoders.
    static let textEncoders: [Companion] = [
        Companion("text_encoders.{*}", "a part of a text encoder that its network does not have"),
        Companion("model_sampling.{*}", "the noise schedule, which the scheduler's configuration says"),
    ]
}
