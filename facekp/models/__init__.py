"""Networks, each a plain ``nn.Module`` in a file of its own, and the LightningModule that trains any of them."""
