/// One line `name = value`, or one block `kind name { ... }`, with variables replaced and includes read.
package struct Statement: Sendable, Equatable {
    package indirect enum Content: Sendable, Equatable {
        case assignment(SettingValue)
        /// `name` is what stands between the kind and the brace, quotes removed; may be empty.
        case block(name: String, [Statement])
    }

    /// The setting, or the kind of block.
    package let name: String
    package let content: Content
    package let place: SourcePlace
}
