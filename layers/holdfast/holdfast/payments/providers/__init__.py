"""Payment providers, one folder each, all of the same shape: settings, proxy (the wire), mapper (pure), signature."""
