internal import IsomerBytes

/// Chat templates, wherever they stand.
extension FileScanner {
    mutating func judge(template: String, _ members: [String]) {
        guard let risk = CallableRisk.template(template) else { return }
        remarkOnce(risk.verdict, risk.reason + FileScanner.place(members))
    }

    /// The chat templates in a GGUF file's keys.
    mutating func scanTemplates(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        guard case .file(let file, let range) = source, range == 0..<file.size else { return }
        let reader: GGUFReader
        do throws(IsomerError) { reader = try GGUFReader(file, limits: limits) } catch {
            if error.code == .interrupted { throw error }
            return
        }
        for entry in reader.keyValues where entry.key.hasPrefix("tokenizer.chat_template") {
            if case .string(let template) = entry.value { judge(template: template, members) }
        }
    }
}
