"""The history of a short training run whose second epoch was the best."""

HISTORY = [
    {
        "epoch": epoch,
        "loss": 2.0 / epoch,
        "accuracy": 0.2 + 0.1 * epoch,
        "val_loss": 1.9 / epoch,
        "val_accuracy": value,
        "learning_rate": 1e-3,
        "seconds": 2.5,
    }
    for epoch, value in enumerate((0.30, 0.45, 0.41), start=1)
]
