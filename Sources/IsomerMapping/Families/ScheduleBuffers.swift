/// What CompVis' training code keeps of its noise schedule in every checkpoint.
// Reference: CompVis/latent-diffusion, ldm/models/diffusion/ddpm.py `register_schedule`.
public enum ScheduleBuffers {
    /// The tensors' names.
    public static let names = [
        "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
        "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "logvar",
    ]
}
