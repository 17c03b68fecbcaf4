/// A text with variables such as `%{user}`, which the configuration's language makes and this module fills in.
///
/// The variables that have a value here: `user`, `service`, `protocol`, `remote_ip`, `local_ip`, `session`,
/// `home` (in the fields of users).
public struct VariableTemplate: Sendable {
    private let body: @Sendable (_ value: (String) -> String?) -> String
    /// Whether the text differs from user to user.
    public let hasVariables: Bool

    /// A text without variables.
    public init(constant text: String) {
        self.body = { _ in text }
        self.hasVariables = false
    }

    /// `expand` makes the text, asking for the value of each variable by name; `nil` is an unknown variable.
    public init(expand: @escaping @Sendable (_ value: (String) -> String?) -> String) {
        self.body = expand
        var isAsked = false
        _ = expand { _ in
            isAsked = true
            return ""
        }
        self.hasVariables = isAsked
    }

    /// The text for one query.
    public func expand(_ query: AuthQuery, home: String? = nil) -> String {
        self.body { Self.value($0, query, home) }
    }

    /// The text as a path, or `nil` when a user's name would lead out of the directory that was meant: when a
    /// variable other than `home` holds `/` or NUL, or the whole has a level `..`.
    public func expandPath(_ query: AuthQuery, home: String? = nil) -> String? {
        guard self.hasVariables else { return self.expand(query) }
        var isUnsafe = false
        let path = self.body { name in
            let value = Self.value(name, query, home)
            if name != "home", let value, value.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") }) {
                isUnsafe = true
            }
            return value
        }
        guard !isUnsafe, !path.split(separator: "/").contains("..") else { return nil }
        return path
    }

    private static func value(_ name: String, _ query: AuthQuery, _ home: String?) -> String? {
        switch name {
        case "user": query.user
        case "service", "protocol": query.request.service
        case "remote_ip": query.request.remoteAddress
        case "local_ip": query.request.localAddress
        case "session": query.request.session
        case "home": home
        default: nil
        }
    }
}
