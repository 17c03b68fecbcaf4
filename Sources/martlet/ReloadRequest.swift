import AdminCommands
import Glibc
import ServerConfig
import Wiring

/// `reload`: signals the daemon and waits for what comes of it.
enum ReloadRequest {
    /// Milliseconds for the answer.
    private static let patience = 10_000
    private static let step = 50

    static func run(_ global: GlobalOptions) throws {
        let master = try Master(global)
        let settings = Configuration.load(path: global.configuration).settings
        let path = ReloadAnswer.path(baseDirectory: settings.general.baseDirectory)
        let before = ReloadAnswer.read(path)
        try master.signal(SIGHUP)
        for _ in 0..<Self.patience / Self.step {
            if let answer = ReloadAnswer.read(path), answer.mark != before?.mark {
                for line in answer.lines { Terminal.complain(line) }
                guard answer.result == .done else {
                    throw AdminError(
                        .configuration, "the daemon has refused the reload: the old configuration stays in force")
                }
                return
            }
            usleep(useconds_t(Self.step * 1000))
        }
        throw AdminError(
            .temporary,
            "the daemon has not said within \(Self.patience / 1000) seconds what came of the reload; see its log: "
                + settings.logging.place)
    }
}
