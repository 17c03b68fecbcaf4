import MIMECore
import MailCore

extension SieveExtension {
    /// RFC 5173.
    static let body = SieveExtension(
        capability: "body",
        tests: [
            SieveDefinition(
                "body", capability: "body",
                Signature(
                    tags: [
                        TagDefinition("raw", group: transform), TagDefinition("text", group: transform),
                        TagDefinition("content", group: transform, argument: .stringList),
                    ], shared: [.matchType, .comparator],
                    positional: [PositionalArgument("the keys", .stringList)])
            ) { compiler, arguments in
                let tag = arguments.tags[transform]
                let form: BodyTest.Form =
                    switch tag?.name {
                    case "raw": .raw
                    case "content": .content(compiler.texts(tag?.strings ?? []))
                    default: .text
                    }
                let keys = compiler.texts(arguments.strings(0))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(BodyTest(form: form, keys: keys, matcher: matcher))
            }
        ])

    private static let transform = TagGroup(name: "body transform")
}

/// Looks into the body. Does not set match variables (RFC 5173 section 6).
struct BodyTest: SieveTest {
    enum Form: Sendable {
        case raw
        /// All text, that of HTML without its markup (RFC 5173 section 5.3).
        case text
        /// Parts of these types, decoded.
        case content([SieveText])
    }

    let form: Form
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let captures = run.suspendCaptures()
        defer { run.resumeCaptures(captures) }
        guard run.message.hasBody else {
            // All are false then, `:count` too (RFC 5173 section 4).
            let keys = try self.keys.octets(&run)
            run.noteComparison([], keys)
            return false
        }
        switch self.form {
        case .raw:
            try run.spend(run.message.body.count)
            return try self.matcher.matches([Array(run.message.body.buffer)], self.keys, &run)
        case .text: return try self.evaluate([Array("text".utf8)], withoutMarkup: true, &run)
        case .content(let types):
            let wanted = try types.octets(&run).map { $0.map(ASCII.lowercased) }.filter(Self.isType)
            return try self.evaluate(wanted, withoutMarkup: false, &run)
        }
    }

    private func evaluate(
        _ wanted: [[UInt8]], withoutMarkup: Bool, _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let view = try run.mimeView()
        var values: [[UInt8]] = []
        for (index, part) in view.table.parts.enumerated() {
            let (type, subtype) = view.type(of: index)
            guard wanted.contains(where: { Self.takes($0, type, subtype) }) else { continue }
            try run.spend(part.body.count)
            let found = self.values(of: index, part, view)
            values += withoutMarkup && subtype == Array("html".utf8) ? found.map { Self.text(ofHTML: $0) } : found
        }
        return try self.matcher.matches(values, self.keys, &run)
    }

    private static func text(ofHTML html: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        html.withUnsafeBytes { HTMLText.append(Octets($0), to: &text) }
        return text
    }

    /// What a type stands for that is none is never found (RFC 5173 section 5.2).
    private static func isType(_ text: [UInt8]) -> Bool {
        text.first != UInt8(ascii: "/") && text.last != UInt8(ascii: "/")
            && text.count(where: { $0 == UInt8(ascii: "/") }) <= 1
    }

    private static func takes(_ wanted: [UInt8], _ type: [UInt8], _ subtype: [UInt8]) -> Bool {
        if wanted.isEmpty || wanted == type { return true }
        return wanted == type + [UInt8(ascii: "/")] + subtype
    }

    /// Of a multipart what stands before and behind its parts, of a message inside its header, else the content.
    private func values(of index: Int, _ part: Part, _ view: MIMEView) -> [[UInt8]] {
        switch part.kind {
        case .multipart:
            let children = view.table.children(of: index)
            guard let first = children.first, let last = children.last else {
                return [Array(view.octets[part.body].buffer)]
            }
            let prologue = part.body.lowerBound..<max(part.body.lowerBound, view.table.parts[first].headerStart)
            let end = max(view.table.parts[last].bodyEnd, part.body.lowerBound)
            return [
                Self.withoutBoundary(view.octets[prologue], isPrologue: true),
                Self.withoutBoundary(view.octets[end..<max(end, part.body.upperBound)], isPrologue: false),
            ]
        case .message:
            guard let child = view.table.children(of: index).first else { return [] }
            return [Array(view.octets[view.table.parts[child].header].buffer)]
        case .text, .basic, .opaque: return [view.content(of: index)]
        }
    }

    /// Cuts the boundary line off the end of a prologue or the beginning of an epilogue.
    private static func withoutBoundary(_ text: Octets, isPrologue: Bool) -> [UInt8] {
        var octets = Array(text.buffer)
        if isPrologue {
            while octets.last == 0x0A || octets.last == 0x0D { octets.removeLast() }
            while let last = octets.last, last != 0x0A { octets.removeLast() }
            return octets
        }
        var index = 0
        while index < octets.count, octets[index] == 0x0A || octets[index] == 0x0D { index += 1 }
        while index < octets.count, octets[index] != 0x0A { index += 1 }
        return Array(octets[min(index + 1, octets.count)...])
    }
}
