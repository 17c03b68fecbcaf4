/// A place in a script: both count from 1; the column counts characters.
public struct SievePosition: Sendable, Hashable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: SievePosition, b: SievePosition) -> Bool {
        (a.line, a.column) < (b.line, b.column)
    }
}

/// Something to tell the author of a script.
public struct SieveDiagnostic: Sendable, Hashable, CustomStringConvertible {
    public enum Severity: String, Sendable { case error, warning }

    public var severity: Severity
    public var position: SievePosition
    /// Worded for a person, without the place.
    public var text: String

    public init(_ severity: Severity, _ position: SievePosition, _ text: String) {
        self.severity = severity
        self.position = position
        self.text = text
    }

    /// `line 3, column 7: error: unknown command "foo"`
    public var description: String {
        "line \(self.position.line), column \(self.position.column): \(self.severity.rawValue): \(self.text)"
    }
}

/// Collects diagnostics up to a number of errors; what is beyond is counted only.
struct SieveDiagnostics {
    private(set) var list: [SieveDiagnostic] = []
    /// Where each stands in the order of the script; of what an included script has, the place of the `include`.
    private var places: [SievePosition] = []
    private(set) var errors = 0
    private let limit: Int

    init(limit: Int) { self.limit = max(1, limit) }

    mutating func error(_ position: SievePosition, _ text: String) {
        self.error(position, text, at: position)
    }

    private mutating func error(_ position: SievePosition, _ text: String, at place: SievePosition) {
        self.errors += 1
        if self.errors <= self.limit { self.note(SieveDiagnostic(.error, position, text), at: place) }
    }

    private mutating func note(_ diagnostic: SieveDiagnostic, at place: SievePosition) {
        self.list.append(diagnostic)
        self.places.append(place)
    }

    /// Takes what was found in a script that is included at `place`; the positions are those in that script.
    mutating func add(_ others: [SieveDiagnostic], of script: String, at place: SievePosition) {
        for other in others where other.severity == .error {
            self.error(other.position, "in \(quoted(script)): \(other.text)", at: place)
        }
    }

    mutating func warning(_ position: SievePosition, _ text: String) {
        if self.list.count < 2 * self.limit { self.note(SieveDiagnostic(.warning, position, text), at: position) }
    }

    /// In the order of the script.
    var sorted: [SieveDiagnostic] {
        self.list.indices.sorted { (self.places[$0], $0) < (self.places[$1], $1) }.map { self.list[$0] }
    }
}

/// A piece of the script as a message shows it: in quotes, made printable, and short.
func quoted(_ text: some Collection<UInt8>) -> String {
    var shown = "\""
    for scalar in String(decoding: text.prefix(60), as: UTF8.self).unicodeScalars {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: shown.unicodeScalars.append("?")
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return shown + (text.count > 60 ? "...\"" : "\"")
}

func quoted(_ text: String) -> String { quoted(text.utf8) }
