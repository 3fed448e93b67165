extension Session {
  /// Refuses options of tiering that could not be followed.
  func checkTiering(_ definition: StreamDefinition) throws(DatabaseError) {
    let options = definition.options
    guard options.tierAfter != nil || options.tierTo != nil else { return }
    if let refusal = database.tiering.files.places.refusal(of: options.tierTo) {
      throw DatabaseError(.invalidArgument, refusal)
    }
    if options.tierAfter != nil { try ColdTypes.check(definition) }
  }
}
