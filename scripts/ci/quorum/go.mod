// Builds GoQuorum 22.7.4 as a test fixture: install-quorum.sh copies this module and builds cmd/geth in it.
module anamnesis/quorum

go 1.24

require github.com/ethereum/go-ethereum v0.0.0

// Both replacements are what the engine's own go.mod asks of a main module: its own source and its own etcd.
replace (
	github.com/coreos/etcd => github.com/Consensys/etcd v3.3.13-quorum197+incompatible
	github.com/ethereum/go-ethereum => github.com/ConsenSys/quorum v0.0.0-20221208112643-d318a5aa973a
)
