internal import Log
internal import SQL

/// Where cold rows may be kept, and what their files are called.
struct ColdPlaces: Sendable {
  /// The folder for streams that name none; nil for a server that keeps nothing.
  let folder: String?
  /// Folders that streams may name.
  let policy: MachineAccessPolicy
  /// Folders and `s3://` prefixes that streams may name besides.
  let locations: [String]

  /// Why a stream may not keep cold rows in a place; nil if it may.
  ///
  /// - Parameter place: As it was written; nil for the default.
  func refusal(of place: String?) -> String? {
    guard folder != nil else {
      return "this server keeps nothing, so there is no place for old rows either (ephemeral)"
    }
    guard let place else { return nil }
    if Self.isRemote(place) {
      guard place.hasPrefix("s3://") else {
        return "tier_to takes a folder or an s3:// address, not \(stringLiteral(place))"
      }
      if isNamed(place) { return nil }
      return
        "old rows may not be kept in \(stringLiteral(place)); the operator can allow it with the "
        + "option tier_locations"
    }
    guard place.hasPrefix("/") else {
      return "tier_to takes an absolute path, not \(stringLiteral(place))"
    }
    if isNamed(place) || policy.allows(place) { return nil }
    return
      "old rows may not be kept in \(stringLiteral(place)); the operator can allow it with the "
      + "option tier_locations or allowed_directories"
  }

  /// Whether an operator's location holds a place. None does if there is `..` in it.
  private func isNamed(_ place: String) -> Bool {
    guard !place.split(separator: "/").contains("..") else { return false }
    return locations.contains { location in
      let prefix = Self.trimmed(location)
      return place == prefix || place.hasPrefix(prefix + "/")
    }
  }

  static func isRemote(_ place: String) -> Bool { place.contains("://") }

  private static func trimmed(_ place: String) -> String {
    var place = place
    while place.count > 1, place.hasSuffix("/") { place.removeLast() }
    return place
  }

  // MARK: Names

  /// Where the files of a topic are, as it is recorded: below the default folder without that folder's
  /// name, so that a data folder can be moved.
  func folder(of topic: TopicID, in place: String?, identity: String) -> String {
    let name = "\(topic.rawValue)-\(identity)"
    return place.map { Self.trimmed($0) + "/" + name } ?? name
  }

  static func fileName(_ offsets: Range<Offset>) -> String {
    "\(offsets.lowerBound.rawValue)-\(offsets.upperBound.rawValue).parquet"
  }

  /// The rows that a file holds by its name.
  static func offsets(ofFile name: String) -> Range<Offset>? {
    guard name.hasSuffix(".parquet") else { return nil }
    let parts = name.dropLast(8).split(separator: "-").map { Int64($0) }
    guard parts.count == 2, let first = parts[0], let next = parts[1], first < next else {
      return nil
    }
    return Offset(first)..<Offset(next)
  }

  /// What a file is called until it is known to hold what it should.
  static let partSuffix = ".part"

  /// The path or address of something that was recorded.
  func path(of location: String) -> String {
    if location.hasPrefix("/") || Self.isRemote(location) { return location }
    return (folder ?? "") + "/" + location
  }
}
