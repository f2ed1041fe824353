# The front door. `just` lists what there is.
_default:
    @just --list

# Start the whole product with invented people.
demo *words:
    cargo run -- demo {{words}}

# The whole suite, both databases.
test *words:
    scripts/test.sh {{words}}

# Form.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo deny check licenses bans sources

# Write the generated file.
gen:
    cargo run -- openapi > openapi/aftercare.json

# Linter, generated client, schemathesis, browser.
contract:
    scripts/contract.sh

# Ratios of the server.
bench *words:
    cargo bench --bench server {{words}}

# Figures of the engine.
bench-engine:
    cargo bench --bench engine
