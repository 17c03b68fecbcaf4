import MIMECore

/// A walk over the MIME parts of the message (foreverypart, RFC 5703 section 3).
struct PartWalk {
    private(set) var view: MIMEView
    /// Indices of parts, in the order of the message.
    private let parts: [Int]
    private var next = 1

    /// The part the commands in the loop look at.
    var part: Int { self.parts[self.next - 1] }

    /// Starts a walk: over the whole message, or over what is below the part of the walk around it. `false`: there is
    /// nothing to walk over.
    static func begin(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        // The compiler counts those of one script only, and scripts include others.
        guard run.walks.count < ScriptCompiler.maximumLoops else {
            throw run.error("\"foreverypart\" is nested more than \(ScriptCompiler.maximumLoops) deep")
        }
        let walk: PartWalk
        if let outer = run.walks.last {
            walk = PartWalk(view: outer.view, parts: outer.view.descendants(of: outer.part))
        } else {
            let view = try run.mimeView()
            walk = PartWalk(view: view, parts: Array(view.table.parts.indices))
        }
        guard !walk.parts.isEmpty else { return false }
        run.walks.append(walk)
        return true
    }

    /// Goes to the next part of the innermost walk; ends the walk and answers `false` behind the last one.
    static func advance(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        guard var walk = run.walks.popLast() else { return false }
        guard walk.next < walk.parts.count else { return false }
        walk.next += 1
        run.walks.append(walk)
        try run.spend(1)
        return true
    }

    /// Goes on in an edited message, where that has the same parts; else what is left is walked over as it was.
    mutating func follow(_ edited: MIMEView) {
        if edited.table.parts.count == self.view.table.parts.count { self.view = edited }
    }

    private init(view: MIMEView, parts: [Int]) {
        self.view = view
        self.parts = parts
    }
}
