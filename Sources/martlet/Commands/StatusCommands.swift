import AdminCommands
import ArgumentParser

struct ServerStatusCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows how the server does: sessions, log, index, queues, examination.",
        discussion: """
            With --metrics as lines of Prometheus' text format, for a collector of text files or a probe. Exit status 75: \
            the store takes no changes.
            """)
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Lines for Prometheus.") var metrics = false
    var words: [String] { ["status"] }

    var rendering: RowRendering? {
        guard self.metrics else { return nil }
        return { values in
            func text(_ name: String) -> String { String(decoding: values[name] ?? [], as: UTF8.self) }
            return Array(statusMetric(text("figure"), text("value")).utf8)
        }
    }
}
