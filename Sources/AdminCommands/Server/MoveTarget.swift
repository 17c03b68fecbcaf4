/// Where an account is to be moved.
public enum MoveTarget: Sendable, Hashable {
    /// Into another body format (`mail_driver`).
    case format(String)
    /// Into another volume.
    case volume(String)

    /// From the word that `martlet` sends: a format, or `volume=NAME`.
    init(_ word: String) {
        let prefix = "volume="
        self = word.hasPrefix(prefix) ? .volume(String(word.dropFirst(prefix.count))) : .format(word)
    }
}
