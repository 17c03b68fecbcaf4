extension SieveExtension {
    /// RFC 3894: `:copy` leaves the implicit keep as it was.
    static let copy = SieveExtension(
        capability: "copy",
        tags: ["fileinto", "redirect"].map { ($0, TagDefinition("copy", capability: "copy")) })
}
