package ledbat

var Debug func(string, ...any)
