import Glibc
import IndexedStore
import MailCore
import MailStore

/// Does one thing to a volume while a disk of Tests/Faults fails or remembers, and says what it was answered:
///
///     StoreDriver list                          the operations, one in a line: name, formats, how atomic
///     StoreDriver setup OPERATION FORMAT DIR    makes what the operation needs
///     StoreDriver run OPERATION FORMAT DIR      does it
///     StoreDriver check FORMAT DIR              what is there after reopening, and with an index made again
///     StoreDriver load FORMAT DIR SEED STEPS    many operations at once, noted in the disk's trace
///     StoreDriver model FORMAT DIR SEED STEPS   random operations against a model in memory
@main struct StoreDriver {
    static func main() async {
        let words = CommandLine.arguments.dropFirst()
        do {
            try await Self.run(Array(words))
        } catch {
            Report.line("error", ["text": .text("\(error)")])
            exit(3)
        }
    }

    private static func run(_ words: [String]) async throws {
        switch (words.first, words.count) {
        case ("list", 1):
            for operation in Operation.all {
                let formats = operation.formats.map(\.rawValue).joined(separator: ",")
                Report.text("\(operation.name) \(formats) \(operation.grain.rawValue)\n")
            }
        case ("setup", 4), ("run", 4):
            guard let operation = Operation.all.first(where: { $0.name == words[1] }),
                let format = DriverFormat(rawValue: words[2])
            else { throw DriverError("no such operation or format") }
            let volume = DriverVolume(words[3], format)
            if words[0] == "setup" {
                try await Scenario(volume).setUp(operation)
            } else {
                try await OperationRun(volume, operation).run()
            }
        case ("check", 3):
            guard let format = DriverFormat(rawValue: words[1]) else { throw DriverError("no such format") }
            try await Checking(DriverVolume(words[2], format)).run()
        case ("load", 5), ("model", 5):
            guard let format = DriverFormat(rawValue: words[1]), let seed = UInt64(words[3]),
                let steps = Int(words[4])
            else { throw DriverError("FORMAT DIR SEED STEPS") }
            let volume = DriverVolume(words[2], format)
            if words[0] == "load" {
                try await Load(volume, seed: seed, steps: steps).run()
            } else {
                try await ModelRun(volume, seed: seed, steps: steps).run()
            }
        default: throw DriverError("usage: see StoreDriver.swift")
        }
    }
}

struct DriverError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Lines of JSON on standard output.
enum Report {
    indirect enum Value {
        case text(String)
        case number(Int64)
        case list([Value])
        case object([String: Value])

        func encode(into out: inout String) {
            switch self {
            case .number(let number): out += "\(number)"
            case .text(let text):
                out += "\""
                for scalar in text.unicodeScalars {
                    switch scalar {
                    case "\"": out += "\\\""
                    case "\\": out += "\\\\"
                    case "\u{0}"..<" ": out += " "
                    default: out.unicodeScalars.append(scalar)
                    }
                }
                out += "\""
            case .list(let values):
                out += "["
                for (index, value) in values.enumerated() {
                    if index > 0 { out += "," }
                    value.encode(into: &out)
                }
                out += "]"
            case .object(let fields):
                out += "{"
                for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                    if index > 0 { out += "," }
                    Value.text(field.key).encode(into: &out)
                    out += ":"
                    field.value.encode(into: &out)
                }
                out += "}"
            }
        }
    }

    static func line(_ kind: String, _ fields: [String: Value]) {
        var fields = fields
        fields["kind"] = .text(kind)
        var out = ""
        Value.object(fields).encode(into: &out)
        self.text(out + "\n")
    }

    static func text(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// The disk of Tests/Faults, if there is one.
enum Disk {
    static func arm() { _ = access("/martlet-fault/arm", F_OK) }
    static func disarm() { _ = access("/martlet-fault/disarm", F_OK) }
    static var hasFailed: Bool { access("/martlet-fault/fired", F_OK) == 0 }
    static func note(_ text: String) { _ = access("/martlet-fault/note/\(text)", F_OK) }
}
