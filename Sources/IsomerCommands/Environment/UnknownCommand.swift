internal import ArgumentParser
internal import IsomerBytes

/// A word where a command's name belongs that is none's: ArgumentParser would call it an unexpected argument, and `help` would ignore it.
enum UnknownCommand {
    /// What is wrong with the commands that these arguments name, if anything is.
    static func error(in arguments: [String]) -> IsomerError? {
        // Help is a command too, which ArgumentParser adds.
        var words = arguments.drop { $0 == "help" }
        var command: any ParsableCommand.Type = Isomer.self
        var path = ["isomer"]
        while let word = words.popFirst(), !word.hasPrefix("-") {
            let known = command.configuration.subcommands
            guard !known.isEmpty else { return nil }
            guard let next = known.first(where: { $0.configuration.commandName == word }) else {
                let names = known.compactMap { $0.configuration.commandName }
                let meant = meaning(of: word, among: names)
                return IsomerError(
                    .usage, "there is no command of this name", item: (path + [word]).joined(separator: " "),
                    remedy: (meant.map { "perhaps '\((path + [$0]).joined(separator: " "))' is meant; " } ?? "")
                        + "'\(path.joined(separator: " ")) --help' lists all")
            }
            command = next
            path.append(word)
        }
        return nil
    }

    /// What the word was meant to be: the name that it begins or that is two slips away at most or, where a file is named, that with the file.
    private static func meaning(of word: String, among names: [String]) -> String? {
        if word.contains(where: { "./".contains($0) }) {
            // Whoever names nothing else wants to know what it is.
            let shows = [Inspect.configuration.commandName, MetadataShow.configuration.commandName]
            return names.first(where: shows.contains).map { "\($0) \(word)" }
        }
        let nearest = names.map { (name: $0, slips: slips(from: word, to: $0)) }.min { $0.slips < $1.slips }
        if let nearest, nearest.slips <= min(2, word.count / 2) { return nearest.name }
        return word.count < 2 ? nil : names.first { $0.hasPrefix(word) }
    }

    /// Characters to leave out, put in, replace or, if they are neighbours, swap.
    private static func slips(from a: String, to b: String) -> Int {
        let (a, b) = (Array(a.prefix(64)), Array(b))
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
