"""How a result looks on its image: boxes, labels, small faces, bars."""
