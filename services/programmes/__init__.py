"""Programme packs: read from files, checked, stored resolved, versioned by digest."""
