import IsomerBytes

extension JSONObject {
    /// A scheduler's settings as diffusers' first pipelines have them, which take some for mistakes of old files: steps begin at the training's
    /// second, and latents are not bounded; to fill in a part, there is no Runge-Kutta start instead.
    ///
    /// Reference: diffusers 0.42.1, `__init__` of pipeline_stable_diffusion.py, pipeline_stable_diffusion_img2img.py and
    /// pipeline_stable_diffusion_inpaint.py.
    func mendedScheduler(fillsPart: Bool) -> JSONObject {
        var mended = self
        var own: SamplerMethod?
        if case .string(let name)? = self["_class_name"] { own = SamplerMethod(rawValue: name) }
        // Only what the file's class knows is looked at; a class that is chosen later takes over what was found.
        if own != .dpmSolverSingle && own != .flowEuler || self["steps_offset"] != nil { mended["steps_offset"] = 1 }
        if fillsPart {
            if own == .pndm || self["skip_prk_steps"] != nil { mended["skip_prk_steps"] = true }
        } else if self["clip_sample"] != nil || own?.traits.clips == true {
            mended["clip_sample"] = false
        }
        return mended
    }
}
