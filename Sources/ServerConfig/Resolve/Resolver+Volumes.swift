/// Volumes beside the one that is always there: `volume NAME { path = /srv/disk2/martlet }`.
extension Resolver {
    mutating func volume(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = "volume \(name)"
        var volume = VolumeSettings(name: name)
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                self.out.assign(
                    statement.name, value, at: statement.place, to: &volume, rows: Schema.volume, block: title)
            case .block:
                self.out.unknown(
                    statement.name, at: statement.place, among: [], block: title, isBlock: .block)
            }
        }
        let isName =
            !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"") }
        if !isName {
            self.out.error(place, "volume \"\(name)\": write volume NAME { }, the name without blanks and slashes")
        }
        if name == VolumeSettings.usualName {
            self.out.error(place, "\(title): that one is always there; its directory is mail_volume_path")
        } else if self.settings.mail.volumes.contains(where: { $0.name == name }) {
            self.out.error(place, "\(title) is there already; give it another name")
        }
        if volume.path.isEmpty { self.out.error(place, "\(title): write path = /its/directory") }
        self.settings.mail.volumes.append(volume)
        self.volumePlaces.append(place)
    }

    /// Two volumes in one directory, or one inside of the other, would write over each other's files.
    mutating func finishVolumes(at whole: SourcePlace) {
        let volumes = self.settings.volumes
        for (index, volume) in volumes.enumerated().dropFirst() where !volume.path.isEmpty {
            let place = index - 1 < self.volumePlaces.count ? self.volumePlaces[index - 1] : whole
            let own = Self.components(volume.path)
            if own.contains("..") {
                self.out.error(place, "volume \(volume.name): `..` in the path \(volume.path)")
                continue
            }
            for other in volumes[..<index] where !other.path.isEmpty {
                let theirs = Self.components(other.path)
                if own == theirs {
                    self.out.error(
                        place, "volume \(volume.name) has the directory of volume \(other.name), \(other.path)")
                } else if own.starts(with: theirs) {
                    self.out.error(
                        place,
                        "volume \(volume.name), \(volume.path), is inside of volume \(other.name), \(other.path)")
                } else if theirs.starts(with: own) {
                    self.out.error(
                        place,
                        "volume \(volume.name), \(volume.path), is around volume \(other.name), \(other.path)")
                }
            }
        }
        let wanted = self.settings.mail.volume
        guard !wanted.isEmpty, !volumes.contains(where: { $0.name == wanted }) else { return }
        let names = volumes.map(\.name)
        let hint =
            Spelling.nearest(to: wanted, among: names).map { "did you mean \($0)?" }
            ?? "there are \(names.joined(separator: ", "))"
        self.out.error(whole, "mail_volume: there is no volume \(wanted); \(hint)")
    }

    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }
}
