import AdminCommands
import ArgumentParser

/// `why`: where a message is, and how it came there.
struct WhyCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Tells what happened to a message: arrival, scripts, moves, flags, removal.",
        discussion: """
            A message is named by its Message-ID, by the MTA's queue id, or with -u by mailbox and UID. Times are the machine's.
            """)
    @OptionGroup var global: GlobalOptions
    @Option(name: .customShort("u"), help: "Whose mail is looked at; everybody's when left out.") var user: String?
    @Argument(help: "A Message-ID or queue id; or a mailbox, and a UID behind it.") var message: String
    @Argument(help: "The UID.") var uid: String?

    var words: [String] {
        ["why"] + (self.user.map { ["-u", $0] } ?? []) + ["--", self.message] + (self.uid.map { [$0] } ?? [])
    }

    var rendering: RowRendering? {
        { values in
            func text(_ name: String) -> String { String(decoding: values[name] ?? [], as: UTF8.self) }
            return Array((StoryLine(text).text + "\n").utf8)
        }
    }
}

/// One row of `why` as a sentence.
struct StoryLine {
    let text: String

    /// - Parameter value: the value of a column.
    init(_ value: (String) -> String) {
        let place = value("mailbox") + (value("uid").isEmpty ? "" : ", UID \(value("uid"))")
        let detail = value("detail")
        let what: String
        switch value("event") {
        case "received":
            var parts: [String] = []
            if !value("queue-id").isEmpty { parts.append("queue id \(value("queue-id"))") }
            if !value("message-id").isEmpty { parts.append("Message-ID <\(value("message-id"))>") }
            let more = parts.isEmpty ? "" : ", " + parts.joined(separator: ", ")
            what = "received from <\(value("sender"))> for <\(value("recipient"))>\(more)" + Self.actor(value)
        case "decided": what = "  script \(detail)"
        case "stored": what = "  stored in \(place)"
        case "redirected": what = "  redirected" + Self.after(detail)
        case "discarded": what = "  discarded" + Self.after(detail)
        case "rejected": what = "  rejected" + Self.after(detail)
        case "failed": what = "  not delivered" + Self.after(detail)
        case "appended": what = "put into \(place)" + Self.actor(value)
        case "copied": what = "copied \(detail) to \(place)" + Self.actor(value)
        case "moved": what = "moved \(detail) to \(place)" + Self.actor(value)
        case "flags": what = "flags \(detail) in \(place)" + Self.actor(value)
        case "expunged": what = "removed from \(place)" + Self.actor(value)
        case "is": what = "is in \(place)" + (detail.isEmpty ? "" : ", \(detail)")
        case "gone": what = "was in \(place): \(detail)"
        default: what = "\(value("event")) \(place) \(detail)"
        }
        let time = value("time").isEmpty ? "now                " : value("time")
        self.text = "\(time) \(value("user")): \(what)"
    }

    private static func after(_ detail: String) -> String { detail.isEmpty ? "" : ": " + detail }

    /// `, by Thunderbird 128 (imap) from 192.0.2.1, session X`
    private static func actor(_ value: (String) -> String) -> String {
        var text = ", by "
        text += value("client").isEmpty ? value("service") : "\(value("client")) (\(value("service")))"
        if !value("address").isEmpty { text += " from \(value("address"))" }
        if !value("session").isEmpty { text += ", session \(value("session"))" }
        return text
    }
}
