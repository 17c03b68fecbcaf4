import AdminCommands
import ArgumentParser
import ServerConfig
import Wiring

struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Shows what is in files that are not text.", subcommands: [Log.self])

    /// Reads the log's files directly, so that it works whether or not the daemon runs.
    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log", abstract: "Shows the records of a volume's log.",
            discussion: """
                Every change of the store, in order; stretches that cannot be read are shown as such. Nothing is \
                changed, and a running daemon is not disturbed.
                """)
        @OptionGroup var global: GlobalOptions
        @Option(name: .customShort("s"), help: "Only the segment of this number, hexadecimal as in the file's name.")
        var segment: String?
        @Option(name: .customLong("from"), help: "Only records from this sequence number on.") var first: UInt64 = 1
        @Option(help: "The volume of this name instead of the one that is always there.") var volume: String?
        @Argument(help: "The log's directory; the configured volume's when left out.") var directory: String?

        func run() async throws {
            let path: String
            if let directory {
                guard self.volume == nil else { throw AdminError(.usage, "give a directory or a volume, not both") }
                path = directory
            } else {
                let volumes = try LoadedConfiguration(self.global.configuration).settings.volumes
                let wanted = self.volume ?? volumes[0].name
                guard let found = volumes.first(where: { $0.name == wanted }) else {
                    throw AdminError(
                        .notFound, "no volume \(wanted); there are \(volumes.map(\.name).joined(separator: ", "))")
                }
                path = found.path + "/log"
            }
            var number: UInt32?
            if let segment {
                guard let value = UInt32(segment, radix: 16) else {
                    throw AdminError(.usage, "not the number of a segment: \(segment)")
                }
                number = value
            }
            let segments: [UInt32]
            do throws(LogDumpError) {
                segments = try LogDumpWiring.segments(directory: path)
            } catch {
                throw AdminError(error.exit, error.text)
            }
            guard !segments.isEmpty else {
                throw AdminError(.notFound, "no log in \(path); that of a volume is in its directory log")
            }
            if let number, !segments.contains(number) {
                throw AdminError(.notFound, "the log in \(path) has no segment \(String(number, radix: 16))")
            }
            var output = TerminalOutput(self.global.format)
            try await output.columns(LogDumpWiring.columns)
            var isDamaged = false
            do throws(LogDumpError) {
                for known in segments where number == nil || known == number {
                    for row in try LogDumpWiring.rows(directory: path, segment: known, from: self.first) {
                        isDamaged = isDamaged || row.isDamage
                        try await Self.show(row, &output)
                    }
                }
            } catch {
                try output.abandon()
                throw AdminError(error.exit, error.text)
            }
            try output.finish()
            if isDamaged { throw AdminError(.data, "the log is damaged") }
        }

        private static func show(
            _ row: LogDumpWiring.Row, _ output: inout TerminalOutput
        ) async throws(LogDumpError) {
            do throws(AdminError) {
                try await output.row(row.values.map { Array($0.utf8) })
            } catch {
                throw LogDumpError(.other, error.message)
            }
        }
    }
}

extension LogDumpError {
    fileprivate var exit: AdminExit {
        switch self.code {
        case .noPermission: .noPermission
        case .notFound: .notFound
        case .other: .unavailable
        }
    }
}
