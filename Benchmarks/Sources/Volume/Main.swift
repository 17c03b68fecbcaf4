import Glibc

/// What a large account and a volume of many users cost, beside small ones: the cost must not grow with what is not
/// touched.
///
///     swift run -c release --package-path Benchmarks Volume [--messages N] [--users N] [--format pack|maildir]
///         [--directory PATH] [--limit FACTOR]
@main
struct Volume {
    static func main() async {
        var options = Options()
        guard options.take(Array(CommandLine.arguments.dropFirst())) else {
            print(
                "usage: Volume [--messages N] [--users N] [--format pack|maildir] [--directory PATH] [--limit FACTOR]")
            exit(64)
        }
        do {
            if options.isChild {
                try await Scenario(options).dieAfterDelivering()
                return
            }
            let report = try await Scenario(options).run()
            print(report.text)
            exit(report.worst > options.limit ? 1 : 0)
        } catch {
            print("failed: \(error)")
            exit(70)
        }
    }
}

struct Options {
    /// Of the large account.
    var messages = 20_000
    var users = 300
    var format = "pack"
    /// Where the volume is made; removed at the end.
    var directory = "/tmp"
    /// The exit status is 1 when an operation costs more than so many times what it costs in the small case.
    var limit = 3.0
    /// Delivers into the volume and dies: for the time of a replay.
    var isChild = false

    /// Of the small account.
    static let small = 1000
    /// Of each of the users.
    static let perUser = 10

    mutating func take(_ words: [String]) -> Bool {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--child" {
                self.isChild = true
                continue
            }
            guard let value = rest.popFirst() else { return false }
            switch word {
            case "--messages": self.messages = Int(value) ?? 0
            case "--users": self.users = Int(value) ?? 0
            case "--format": self.format = value
            case "--directory": self.directory = value
            case "--limit": self.limit = Double(value) ?? 0
            default: return false
            }
        }
        return self.messages >= Self.small && self.users >= 1 && ["pack", "maildir"].contains(self.format)
            && self.limit > 0
    }
}
