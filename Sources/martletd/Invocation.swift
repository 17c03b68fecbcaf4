/// What the command line asks for.
enum Invocation: Equatable {
    case supervise(path: String)
    case authRole(RoleUser?)
    case mailRole(RoleUser?)
    case submitRole(RoleUser?)
    case authWorker
    case version
    case help
    case mistake(String)

    static let defaultPath = "/etc/martlet/martlet.conf"
    static let helpText = """
        Usage: martletd [-F] [-c FILE]

          -c FILE      the configuration (\(Self.defaultPath))
          -F           stay in the foreground; martletd always does, so that systemd can watch it
          --version    print the version
          --help       print this

        Signals: TERM or INT stops, HUP reads configuration and certificates again, USR1 opens logs anew.
        """

    init(_ arguments: some Sequence<String>) {
        var path = Self.defaultPath
        var role: String?
        var user: RoleUser?
        var iterator = arguments.makeIterator()
        while let argument = iterator.next() {
            switch argument {
            case "-F", "--foreground": break
            case "-c", "--config":
                guard let value = iterator.next() else {
                    self = .mistake("\(argument) needs a file")
                    return
                }
                path = value
            case "--version":
                self = .version
                return
            case "-h", "--help":
                self = .help
                return
            default:
                if argument.hasPrefix("--role=") {
                    role = String(argument.dropFirst("--role=".count))
                } else if argument.hasPrefix("--user="),
                    let parsed = RoleUser(argument: argument.dropFirst("--user=".count))
                {
                    user = parsed
                } else {
                    self = .mistake("unknown argument \(argument)")
                    return
                }
            }
        }
        switch role {
        case nil: self = .supervise(path: path)
        case "auth": self = .authRole(user)
        case "mail": self = .mailRole(user)
        case "submit": self = .submitRole(user)
        case "auth-worker": self = .authWorker
        case let other?: self = .mistake("unknown role \(other)")
        }
    }
}
