/// The version of this program, as `--version`, GetSqlInfo and the metrics show it.
public enum ProductVersion {
  public static let current = "0.1.0"
}
