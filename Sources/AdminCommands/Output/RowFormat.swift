import MailCore

/// How rows look on the terminal: doveadm's `-f`.
public enum RowFormat: String, Sendable, CaseIterable {
    /// Columns padded to their widest value, under a line of names. The whole result is held until its end.
    case table
    /// A line of names, then a line a row, TAB between values, with Dovecot's escapes.
    case tab
    /// `name=value name=value` a row.
    case flow
    /// `name: value` lines, a form feed between rows.
    case pager
    /// One array of objects of strings.
    case json
}

/// How a command's rows look unless a format is asked for.
public struct RowStyle: Sendable {
    public var format: RowFormat
    /// Columns whose values need no names: these stand in `tab` and `json` alone.
    public var untitled: Set<String>

    public init(_ format: RowFormat, untitled: Set<String> = []) {
        self.format = format
        self.untitled = untitled
    }
}

/// Turns columns and rows into text.
public struct RowFormatter: Sendable {
    private let format: RowFormat
    private let untitled: Set<String>
    /// `nil` until the command names them: a command without results has none.
    private var columns: [String]?
    private var held: [[[UInt8]]] = []
    private var rows = 0

    /// - Parameter untitled: columns whose values need no names. A table of these alone has no line of names.
    public init(_ format: RowFormat, untitled: Set<String> = []) {
        self.format = format
        self.untitled = untitled
    }

    /// The names of the columns. Answers what is to be written.
    public mutating func begin(_ columns: [String]) -> [UInt8] {
        self.columns = columns
        guard self.format == .tab else { return [] }
        var out: [UInt8] = []
        AdminLine.encode(columns.map { Array($0.utf8) }, into: &out)
        return out
    }

    public mutating func add(_ row: [[UInt8]]) -> [UInt8] {
        defer { self.rows += 1 }
        var out: [UInt8] = []
        switch self.format {
        case .table:
            self.held.append(row)
        case .tab:
            AdminLine.encode(row, into: &out)
        case .flow:
            for (index, value) in row.enumerated() {
                if index > 0 { out.append(0x20) }
                out.append(contentsOf: self.title(index, "=").utf8)
                out.append(contentsOf: value)
            }
            out.append(0x0A)
        case .pager:
            if self.rows > 0 { out.append(contentsOf: [0x0C, 0x0A]) }
            for (index, value) in row.enumerated() {
                out.append(contentsOf: self.title(index, ": ").utf8)
                out.append(contentsOf: value)
                out.append(0x0A)
            }
        case .json:
            out.append(contentsOf: (self.rows == 0 ? "[" : ",\n").utf8)
            out.append(UInt8(ascii: "{"))
            for (index, value) in row.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONString.append(self.name(index).utf8, to: &out)
                out.append(UInt8(ascii: ":"))
                JSONString.append(value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
        return out
    }

    /// What comes after the last row; nothing when the command had no results to show.
    public func end() -> [UInt8] {
        guard self.columns != nil else { return [] }
        switch self.format {
        case .table: return self.table()
        case .json: return Array((self.rows == 0 ? "[]\n" : "]\n").utf8)
        case .tab, .flow, .pager: return []
        }
    }

    /// As `end` when the command has failed on the way: what was found still shows, and well-formed, but a
    /// table of nothing does not.
    public func endAfterFailure() -> [UInt8] {
        self.format == .table && self.held.isEmpty ? [] : self.end()
    }

    /// What stands before a value; nothing where that needs no name.
    private func title(_ index: Int, _ end: String) -> String {
        let name = self.name(index)
        return self.untitled.contains(name) ? "" : name + end
    }

    private func name(_ index: Int) -> String {
        guard let columns, index < columns.count else { return "" }
        return columns[index]
    }

    private func table() -> [UInt8] {
        var lines: [[String]] = []
        if let columns, !columns.allSatisfy(self.untitled.contains) { lines.append(columns) }
        for row in self.held {
            lines.append(row.map { String(decoding: $0, as: UTF8.self) })
        }
        var widths: [Int] = []
        for line in lines {
            for (index, value) in line.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], value.count)
            }
        }
        var text = ""
        for line in lines {
            for (index, value) in line.enumerated() {
                text += value
                if index < line.count - 1 {
                    text += String(repeating: " ", count: widths[index] - value.count + 1)
                }
            }
            text += "\n"
        }
        return Array(text.utf8)
    }
}
