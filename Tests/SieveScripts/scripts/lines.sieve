if not header :contains "x-none"
  "x" {
  discard; # y
}
