// Runs the test packages of Complement, unmodified, against Hearth: `cargo xtask complement`. No package of this module
// imports Complement (`go mod tidy` would drop it): what is here is only what the image needs.
module hearth/complement-tests

go 1.25.0

require github.com/matrix-org/complement v0.0.0-20260701165844-50044edb68c3
