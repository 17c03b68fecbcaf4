/// A value that is one of a few words.
public protocol SettingChoice: RawRepresentable<String>, CaseIterable, Hashable, Sendable {}

/// One row of the schema: how a setting is written, what it means, and where it is kept.
///
/// `Root` is the struct that keeps it: `Settings` at the top level, a block's struct inside of a block.
package struct Setting<Root>: Sendable {
    package let name: String
    /// The type in the words of the documentation, such as `size` or `yes, no or required`.
    package let type: String
    /// What it means, in one or two sentences for administrators.
    package let doc: String
    package var aliases: [SettingAlias] = []
    package var scopes: SettingScopes = []
    /// Whether the value names a file that is read while loading.
    package var namesFile = false
    /// Whether `name { x = yes }` is another spelling of the list.
    package var isList = false
    /// Whether another value counts from the next start only, and not from a reload.
    package var isReadAtStart = false
    /// Sets the value; answers what is wrong with it, or `nil`.
    package let assign: @Sendable (inout Root, SettingValue, inout ConfigurationFiles) -> String?
    /// The value as the files would have it, not quoted.
    package let text: @Sendable (Root) -> String

    package func alias(_ aliases: SettingAlias...) -> Setting {
        var copy = self
        copy.aliases = aliases
        return copy
    }

    package func atStart() -> Setting {
        var copy = self
        copy.isReadAtStart = true
        return copy
    }

    package func inside(_ scopes: SettingScopes) -> Setting {
        var copy = self
        copy.scopes = scopes
        return copy
    }
}

/// The blocks in which a setting of the top level may be set for some connections alone.
package struct SettingScopes: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let `protocol` = SettingScopes(rawValue: 1)
    package static let remote = SettingScopes(rawValue: 2)
    package static let connection: SettingScopes = [.protocol, .remote]
}

/// Another name of a setting, as older configurations have it.
package struct SettingAlias: Sendable, ExpressibleByStringLiteral {
    package let name: String
    /// Whether yes means no.
    package var isInverted = false

    package init(stringLiteral name: String) { self.name = name }

    package static func inverted(_ name: String) -> SettingAlias {
        var alias = SettingAlias(stringLiteral: name)
        alias.isInverted = true
        return alias
    }
}

/// A value as it stands in a file, variables replaced.
package struct SettingValue: Sendable, Equatable {
    package var text: String
    /// Whether the file has `< text`.
    package var isFile = false
    /// The directory of the file, for relative paths.
    package var directory = "/"
    /// Whether the file has `# hidden, use -P to show it` there, which `doveconf` writes in place of secrets.
    package var isHidden = false

    package init(_ text: String, isFile: Bool = false, directory: String = "/") {
        self.text = text
        self.isFile = isFile
        self.directory = directory
    }
}
